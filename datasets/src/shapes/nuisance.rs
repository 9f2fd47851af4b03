//! Drawing scenes at random: what varies, and how much, in each split.

use super::figure::Figure;
use super::material;
use super::math::sin_cos;
use super::scene::{Bar, Object, Pattern, SIDE, Scene, Style};
use crate::random::Stream;

/// How a scene is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As the training images.
    Plain,
    /// Smaller, further off, turned more, darker and noisier.
    Shifted,
    /// Other styles: poster, hatching, mosaic, outline.
    Rendition,
    /// Lines on white.
    Sketch,
}

/// Ranges of the nuisances.
struct Ranges {
    radius: [f32; 2],
    shift: f32,
    /// Largest rotation in turns, either way.
    turn: f32,
    noise: [f32; 2],
    light: [f32; 2],
    /// Probability that a figure wears its class's pattern.
    habit: f32,
    /// Probabilities of a second figure, of a bar, and of a bar that hides most.
    second: f32,
    bar: f32,
    wall: f32,
}

const PLAIN: Ranges = Ranges {
    radius: [9.0, 13.0],
    shift: 4.5,
    turn: 0.12,
    noise: [0.01, 0.04],
    light: [0.85, 1.05],
    habit: 0.85,
    second: 0.12,
    bar: 0.25,
    wall: 0.03,
};

const SHIFTED: Ranges = Ranges {
    radius: [8.0, 11.5],
    shift: 5.5,
    turn: 0.15,
    noise: [0.03, 0.07],
    light: [0.55, 0.9],
    habit: 0.6,
    ..PLAIN
};

const DRAWN: Ranges = Ranges {
    noise: [0.0, 0.01],
    light: [1.0, 1.0],
    second: 0.0,
    bar: 0.0,
    wall: 0.0,
    ..PLAIN
};

/// Draws a scene whose labelled figure is `class`.
pub(super) fn scene(class: u32, manner: Manner, stream: &mut Stream) -> Scene {
    let ranges = match manner {
        Manner::Plain => &PLAIN,
        Manner::Shifted => &SHIFTED,
        Manner::Rendition | Manner::Sketch => &DRAWN,
    };
    let mut scene = base(class, ranges, stream);
    match manner {
        Manner::Plain | Manner::Shifted => {}
        Manner::Rendition => render_otherwise(&mut scene, stream),
        Manner::Sketch => draw_lines(&mut scene, stream),
    }
    scene
}

fn base(class: u32, ranges: &Ranges, stream: &mut Stream) -> Scene {
    let ground = material::ground(stream);
    let mut objects = vec![object(class, ranges, stream)];
    if stream.chance(ranges.second) {
        // Side by side: both smaller, pushed apart along x.
        let other = (class + 1 + stream.below(9)) % 10;
        let mut second = object(other, ranges, stream);
        let side = if stream.chance(0.5) { 1.0 } else { -1.0 };
        for (object, side) in [(&mut objects[0], side), (&mut second, -side)] {
            object.radius *= 0.72;
            object.center[0] = SIDE as f32 / 2.0 + side * stream.uniform(7.0, 9.0);
        }
        objects.push(second);
    }
    let bar = if stream.chance(ranges.wall) {
        Some(bar(&objects[0], [6.0, 9.0], 0.0, stream))
    } else if stream.chance(ranges.bar) {
        Some(bar(&objects[0], [0.8, 2.2], 9.0, stream))
    } else {
        None
    };
    Scene {
        ground,
        objects,
        bar,
        light: [
            stream.uniform(ranges.light[0], ranges.light[1]),
            stream.uniform(-0.25, 0.25),
            stream.uniform(-0.25, 0.25),
        ],
        noise: stream.uniform(ranges.noise[0], ranges.noise[1]),
        mosaic: 1,
    }
}

fn object(class: u32, ranges: &Ranges, stream: &mut Stream) -> Object {
    let middle = SIDE as f32 / 2.0;
    let mut shift = || middle + stream.uniform(-ranges.shift, ranges.shift);
    let center = [shift(), shift()];
    let (sin, cos) = sin_cos(stream.uniform(-ranges.turn, ranges.turn));
    Object {
        figure: Figure(class),
        center,
        radius: stream.uniform(ranges.radius[0], ranges.radius[1]),
        stretch: stream.uniform(0.82, 1.2),
        turn: [cos, sin],
        surface: material::figure(class, ranges.habit, stream),
        line: [0.0; 3],
        style: Style::Filled,
        wobble: 0.0,
    }
}

/// A bar that passes the object's centre at up to `offset` pixels.
fn bar(object: &Object, half_width: [f32; 2], offset: f32, stream: &mut Stream) -> Bar {
    let (sin, cos) = sin_cos(stream.unit());
    let away = stream.uniform(-offset, offset);
    Bar {
        center: [object.center[0] - sin * away, object.center[1] + cos * away],
        direction: [cos, sin],
        half_width: stream.uniform(half_width[0], half_width[1]),
        color: material::paint(stream),
    }
}

fn render_otherwise(scene: &mut Scene, stream: &mut Stream) {
    let paper = [0.93, 0.89, 0.78];
    let object = &mut scene.objects[0];
    object.line = [0.08, 0.07, 0.1];
    match stream.below(4) {
        0 => {
            // Poster: flat colours, a heavy contour.
            scene.ground.pattern = Pattern::Flat;
            object.surface.pattern = Pattern::Flat;
            object.style = Style::Bordered(2.0);
        }
        1 => {
            // Hatching on paper.
            scene.ground.pattern = Pattern::Flat;
            scene.ground.first = paper;
            object.surface.pattern = Pattern::Stripes;
            object.surface.first = [0.15, 0.13, 0.2];
            object.surface.second = paper;
            object.surface.period = 3.0;
            object.style = Style::Bordered(1.0);
        }
        2 => scene.mosaic = 2,
        _ => {
            // A coloured contour.
            object.line = object.surface.first;
            object.style = Style::Outline(2.4);
        }
    }
}

fn draw_lines(scene: &mut Scene, stream: &mut Stream) {
    scene.ground.pattern = Pattern::Flat;
    scene.ground.first = [1.0; 3];
    scene.light = [1.0, 0.0, 0.0];
    let ink = stream.uniform(0.0, 0.25);
    let object = &mut scene.objects[0];
    object.line = [ink; 3];
    object.style = Style::Outline(stream.uniform(1.0, 1.6));
    object.wobble = stream.uniform(0.0, 0.8);
}
