//! Drawing a scene.

use super::math::sin_cos;
use super::scene::{Bar, Color, Object, Pattern, SIDE, Scene, Style, Surface, contrast};
use crate::random::Stream;

const PIXELS: usize = SIDE * SIDE;

/// Draws `scene` into `out` (`SIDE × SIDE × 3` bytes, interleaved). `noise` gives the pixel noise.
pub(super) fn draw(scene: &Scene, noise: &mut Stream, out: &mut [u8]) {
    let mut canvas = [[0.0_f32; 3]; PIXELS];
    for (at, pixel) in canvas.iter_mut().enumerate() {
        *pixel = color_at(&scene.ground, position(at));
    }
    // The labelled object is in front.
    for object in scene.objects.iter().rev() {
        draw_object(object, &mut canvas);
    }
    if let Some(bar) = &scene.bar {
        for (at, pixel) in canvas.iter_mut().enumerate() {
            let cover = bar_cover(bar, position(at));
            *pixel = mix(*pixel, bar.color, cover);
        }
    }
    if scene.mosaic > 1 {
        mosaic(&mut canvas, scene.mosaic);
    }
    for (at, (pixel, bytes)) in canvas.iter().zip(out.chunks_exact_mut(3)).enumerate() {
        let [x, y] = position(at).map(|c| c / SIDE as f32 - 0.5);
        let light = scene.light[0] + scene.light[1] * x + scene.light[2] * y;
        for (value, byte) in pixel.iter().zip(bytes) {
            // Uniform noise of the wanted standard deviation (half-width √3 σ).
            let grain = noise.uniform(-1.732, 1.732) * scene.noise;
            *byte = ((value * light + grain).clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
    }
}

/// Labels of the objects a careful annotator would name: at least 45 % of the object is in sight and
/// its colour differs from the ground's by at least 0.12 in some channel.
pub(super) fn visible(scene: &Scene) -> Vec<u32> {
    let mut labels = Vec::new();
    for (number, object) in scene.objects.iter().enumerate() {
        let (mut whole, mut seen) = (0.0_f32, 0.0_f32);
        // A margin, so that what leaves the image counts as hidden.
        for y in -8..SIDE as i32 + 8 {
            for x in -8..SIDE as i32 + 8 {
                let p = [x as f32 + 0.5, y as f32 + 0.5];
                let cover = object_cover(object, p);
                whole += cover;
                if x < 0 || y < 0 || x >= SIDE as i32 || y >= SIDE as i32 {
                    continue;
                }
                let before = scene.objects[..number]
                    .iter()
                    .map(|o| object_cover(o, p))
                    .fold(
                        scene.bar.as_ref().map_or(0.0, |b| bar_cover(b, p)),
                        f32::max,
                    );
                seen += cover * (1.0 - before);
            }
        }
        let distinct = contrast(object.surface.first, scene.ground.first) >= 0.12;
        if distinct && seen >= 0.45 * whole {
            labels.push(object.figure.0);
        }
    }
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// Centre of a pixel.
fn position(at: usize) -> [f32; 2] {
    [(at % SIDE) as f32 + 0.5, (at / SIDE) as f32 + 0.5]
}

fn mix(below: Color, above: Color, cover: f32) -> Color {
    std::array::from_fn(|c| below[c] + (above[c] - below[c]) * cover)
}

fn color_at(surface: &Surface, p: [f32; 2]) -> Color {
    let along = p[0] * surface.direction[0] + p[1] * surface.direction[1];
    let across = p[1] * surface.direction[0] - p[0] * surface.direction[1];
    let wave = |x: f32| sin_cos(x / surface.period + surface.phase).0;
    let share = match surface.pattern {
        Pattern::Flat => 0.0,
        Pattern::Gradient => (along / SIDE as f32).clamp(-1.0, 1.0) * 0.5 + 0.5,
        Pattern::Stripes => (wave(along) * 1.5 + 0.5).clamp(0.0, 1.0),
        Pattern::Checks => (wave(along) * wave(across) * 3.0 + 0.5).clamp(0.0, 1.0),
        Pattern::Clouds => wave(along + 2.0 * wave(across * 0.7)) * 0.5 + 0.5,
    };
    mix(surface.first, surface.second, share)
}

/// Signed distance to an object's contour in pixels.
fn object_distance(object: &Object, p: [f32; 2]) -> f32 {
    let offset = [p[0] - object.center[0], p[1] - object.center[1]];
    let [cos, sin] = object.turn;
    let x = (offset[0] * cos + offset[1] * sin) / (object.radius * object.stretch);
    let y = (offset[1] * cos - offset[0] * sin) * object.stretch / object.radius;
    object.figure.distance([x, y]) * object.radius
}

/// How much of a pixel the filled object covers.
fn object_cover(object: &Object, p: [f32; 2]) -> f32 {
    (0.5 - object_distance(object, p)).clamp(0.0, 1.0)
}

fn bar_cover(bar: &Bar, p: [f32; 2]) -> f32 {
    let offset = [p[0] - bar.center[0], p[1] - bar.center[1]];
    let away = (offset[1] * bar.direction[0] - offset[0] * bar.direction[1]).abs();
    (bar.half_width - away + 0.5).clamp(0.0, 1.0)
}

fn draw_object(object: &Object, canvas: &mut [Color]) {
    // Nothing is drawn further out than this.
    let reach = object.radius * 1.35 + 4.0;
    for (at, pixel) in canvas.iter_mut().enumerate() {
        let p = position(at);
        let offset = [p[0] - object.center[0], p[1] - object.center[1]];
        if offset[0].abs().max(offset[1].abs()) > reach {
            continue;
        }
        let mut distance = object_distance(object, p);
        if object.wobble > 0.0 {
            distance += object.wobble * sin_cos((p[0] + 1.7 * p[1]) / 13.0).0;
        }
        if !matches!(object.style, Style::Outline(_)) {
            let cover = (0.5 - distance).clamp(0.0, 1.0);
            *pixel = mix(*pixel, color_at(&object.surface, p), cover);
        }
        if let Style::Bordered(width) | Style::Outline(width) = object.style {
            let cover = (width * 0.5 - distance.abs() + 0.5).clamp(0.0, 1.0);
            *pixel = mix(*pixel, object.line, cover);
        }
    }
}

/// Replaces blocks of `block × block` pixels by their mean.
fn mosaic(canvas: &mut [Color], block: usize) {
    let share = 1.0 / (block * block) as f32;
    for y in (0..SIDE).step_by(block) {
        for x in (0..SIDE).step_by(block) {
            let cells = (0..block * block).map(|k| (y + k / block) * SIDE + x + k % block);
            let mut mean = [0.0; 3];
            for at in cells.clone() {
                for (sum, value) in mean.iter_mut().zip(canvas[at]) {
                    *sum += value * share;
                }
            }
            for at in cells {
                canvas[at] = mean;
            }
        }
    }
}
