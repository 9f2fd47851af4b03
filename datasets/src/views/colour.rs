//! Colour operations on three planes in `[0, 1]`, with torchvision's arithmetic on float tensors.

use super::wide::wide;

/// Weights of red, green and blue in luma (ITU-R 601-2, as Pillow's `L` mode).
pub const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// The three planes of an image.
#[inline(always)]
pub(super) fn planes(pixels: &mut [f32]) -> [&mut [f32]; 3] {
    let plane = pixels.len() / 3;
    let (red, rest) = pixels.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    [red, green, blue]
}

/// `clip(factor · x)`.
pub fn brightness(pixels: &mut [f32], factor: f32) {
    let offset = 0.0;
    wide!(affine(pixels, factor, offset));
}

/// `clip(x + delta)`.
pub fn brightness_additive(pixels: &mut [f32], delta: f32) {
    let factor = 1.0;
    wide!(affine(pixels, factor, delta));
}

/// `clip(factor · x + (1 − factor) · m)` with `m` the mean luma of the image.
pub fn contrast(pixels: &mut [f32], factor: f32) {
    let offset = (1.0 - factor) * mean_luma(pixels);
    wide!(affine(pixels, factor, offset));
}

#[inline(always)]
fn affine(pixels: &mut [f32], factor: f32, offset: f32) {
    for x in pixels {
        *x = (factor * *x + offset).clamp(0.0, 1.0);
    }
}

/// `clip(factor · x + (1 − factor) · luma)`.
pub fn saturation(pixels: &mut [f32], factor: f32) {
    let planes = planes(pixels);
    wide!(saturate(planes, factor));
}

#[inline(always)]
fn saturate([red, green, blue]: [&mut [f32]; 3], factor: f32) {
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let rest = (1.0 - factor) * luma(*r, *g, *b);
        *r = (factor * *r + rest).clamp(0.0, 1.0);
        *g = (factor * *g + rest).clamp(0.0, 1.0);
        *b = (factor * *b + rest).clamp(0.0, 1.0);
    }
}

/// Turns the hue by `shift` of a full circle, in HSV; at most half a circle either way.
pub fn hue(pixels: &mut [f32], shift: f32) {
    let planes = planes(pixels);
    wide!(turn(planes, shift));
}

/// Only `+ − × ÷` and comparisons that select, no calls: one loop of vector instructions.
#[inline(always)]
fn turn([red, green, blue]: [&mut [f32]; 3], shift: f32) {
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let value = greater(greater(*r, *g), *b);
        let chroma = value - lesser(lesser(*r, *g), *b);
        // A grey pixel has no hue; whatever is divided by then is 0.
        let scale = 1.0 / if chroma == 0.0 { 1.0 } else { chroma };
        // In sixths of a circle; the order of the cases is torchvision's.
        let mut sixth = 4.0 + (*r - *g) * scale;
        sixth = if value == *g {
            2.0 + (*b - *r) * scale
        } else {
            sixth
        };
        sixth = if value == *r {
            (*g - *b) * scale
        } else {
            sixth
        };
        // From −1 to 5, and at most 3 either way: once around is enough.
        let turned = sixth + 6.0 * shift;
        let turned = if turned < 0.0 { turned + 6.0 } else { turned };
        let turned = if turned >= 6.0 { turned - 6.0 } else { turned };
        *r = from_hue(5.0, turned, value, chroma);
        *g = from_hue(3.0, turned, value, chroma);
        *b = from_hue(1.0, turned, value, chroma);
    }
}

#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// One channel of HSV to RGB: `v − c · max(0, min(k, 4 − k, 1))` with `k = (n + h) mod 6`.
#[inline(always)]
fn from_hue(offset: f32, sixth: f32, value: f32, chroma: f32) -> f32 {
    let k = offset + sixth;
    let k = if k >= 6.0 { k - 6.0 } else { k };
    value - chroma * lesser(greater(lesser(k, 4.0 - k), 0.0), 1.0)
}

/// Replaces all channels by luma.
pub fn grayscale(pixels: &mut [f32]) {
    let planes = planes(pixels);
    wide!(desaturate(planes));
}

#[inline(always)]
fn desaturate([red, green, blue]: [&mut [f32]; 3]) {
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let grey = luma(*r, *g, *b);
        *r = grey;
        *g = grey;
        *b = grey;
    }
}

/// `1 − x` where `x ≥ threshold`.
pub fn solarize(pixels: &mut [f32], threshold: f32) {
    wide!(invert_above(pixels, threshold));
}

#[inline(always)]
fn invert_above(pixels: &mut [f32], threshold: f32) {
    for x in pixels {
        *x = if *x >= threshold { 1.0 - *x } else { *x };
    }
}

/// `(x − mean) / std`, channel by channel.
pub fn normalize(pixels: &mut [f32], mean: [f32; 3], std: [f32; 3]) {
    for (channel, plane) in planes(pixels).into_iter().enumerate() {
        let (mean, scale) = (mean[channel], 1.0 / std[channel]);
        wide!(standardize(plane, mean, scale));
    }
}

#[inline(always)]
fn standardize(plane: &mut [f32], mean: f32, scale: f32) {
    for x in plane {
        *x = (*x - mean) * scale;
    }
}

/// Mirrors each row of planes of the given width.
pub fn flip(pixels: &mut [f32], width: usize) {
    for row in pixels.chunks_exact_mut(width) {
        row.reverse();
    }
}

#[inline(always)]
fn luma(r: f32, g: f32, b: f32) -> f32 {
    LUMA[0] * r + LUMA[1] * g + LUMA[2] * b
}

/// Mean luma.
fn mean_luma(pixels: &mut [f32]) -> f32 {
    let count = pixels.len() / 3;
    let sums = planes(pixels).map(|plane| wide!(sum(plane)));
    luma(sums[0], sums[1], sums[2]) / count as f32
}

/// Sixteen partial sums in fixed places, so that the result does not depend on the width of the
/// processor's vectors.
#[inline(always)]
fn sum(plane: &mut [f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let (chunks, rest) = plane.as_chunks::<16>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}
