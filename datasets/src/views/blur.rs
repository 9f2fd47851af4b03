//! Gaussian blur of three square planes, in two forms.

use super::sum::weighted_sum;
use super::wide::wide;

/// Reusable buffers of the blurs.
#[derive(Debug, Default)]
pub struct BlurScratch {
    /// A padded row, or the plane before the pass.
    lines: Vec<f32>,
    taps: Vec<f32>,
    /// Start of the row that each tap falls on.
    sources: Vec<usize>,
}

/// How pixels beyond the border are made up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Border {
    /// The outermost pixel again and again (Pillow).
    Repeat,
    /// Mirrored without doubling the outermost pixel (torchvision).
    Reflect,
}

/// Pillow's `GaussianBlur(sigma)`: three box blurs of one fractional radius.
///
/// With `L = √(12σ²/3 + 1)` and `l = ⌊(L − 1)/2⌋`, the radius is
/// `l + (2l + 1)(l(l + 1) − σ²)/(6(σ²/3 − (l + 1)²))`; the outermost taps of a box carry its
/// fractional part.
pub fn pil(pixels: &mut [f32], side: usize, sigma: f32, scratch: &mut BlurScratch) {
    if sigma <= 0.0 {
        return;
    }
    box_taps(sigma, &mut scratch.taps);
    for _ in 0..3 {
        rows(pixels, side, Border::Repeat, scratch);
    }
    for _ in 0..3 {
        columns(pixels, side, Border::Repeat, scratch);
    }
}

/// The weights of one of the three box blurs of [`pil`], an odd number of them.
pub fn box_taps(sigma: f32, taps: &mut Vec<f32>) {
    taps.clear();
    if sigma <= 0.0 {
        return taps.push(1.0);
    }
    let variance = sigma * sigma / 3.0;
    let length = (12.0 * variance + 1.0).sqrt();
    let whole = ((length - 1.0) / 2.0).floor();
    let fraction = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance)
        / (6.0 * (variance - (whole + 1.0) * (whole + 1.0)));
    let radius = whole as usize;
    let inner = 1.0 / (2.0 * (whole + fraction) + 1.0);
    let edge = inner * fraction;
    taps.resize(2 * radius + 3, inner);
    taps[0] = edge;
    taps[2 * radius + 2] = edge;
}

/// The weights of [`sampled`], of sum 1.
pub fn gaussian_taps(count: usize, sigma: f32, taps: &mut Vec<f32>) {
    taps.clear();
    if sigma <= 0.0 || count <= 1 {
        return taps.push(1.0);
    }
    let half = (count / 2) as f32;
    taps.extend((0..count).map(|t| {
        let x = (t as f32 - half) / sigma;
        (-0.5 * x * x).exp()
    }));
    let sum: f32 = taps.iter().sum();
    taps.iter_mut().for_each(|t| *t /= sum);
}

/// A Gaussian sampled at `taps` whole pixels around the centre and normalised, mirrored borders
/// (torchvision's `gaussian_blur`).
///
/// `taps` is odd and at most `2·side − 1`.
pub fn sampled(
    pixels: &mut [f32],
    side: usize,
    taps: usize,
    sigma: f32,
    scratch: &mut BlurScratch,
) {
    if sigma <= 0.0 || taps <= 1 {
        return;
    }
    gaussian_taps(taps, sigma, &mut scratch.taps);
    rows(pixels, side, Border::Reflect, scratch);
    columns(pixels, side, Border::Reflect, scratch);
}

/// Index of the pixel that stands at `at` pixels from the start of a line, before it or beyond.
fn inside(at: isize, side: usize, border: Border) -> usize {
    let last = side as isize - 1;
    let at = match border {
        Border::Repeat => at,
        Border::Reflect if at < 0 => -at,
        Border::Reflect if at > last => 2 * last - at,
        Border::Reflect => at,
    };
    at.clamp(0, last) as usize
}

/// Convolves every row with the taps.
fn rows(pixels: &mut [f32], side: usize, border: Border, scratch: &mut BlurScratch) {
    let length = side + scratch.taps.len();
    scratch.lines.resize(length.max(scratch.lines.len()), 0.0);
    wide!(convolve_rows(pixels, side, border, scratch));
}

#[inline(always)]
fn convolve_rows(pixels: &mut [f32], side: usize, border: Border, scratch: &mut BlurScratch) {
    let BlurScratch { lines, taps, .. } = scratch;
    let half = taps.len() / 2;
    for row in pixels.chunks_exact_mut(side) {
        lines[half..half + side].copy_from_slice(row);
        for pad in 0..half {
            lines[half - 1 - pad] = row[inside(-1 - pad as isize, side, border)];
            lines[half + side + pad] = row[inside((side + pad) as isize, side, border)];
        }
        weighted_sum(taps, |tap| &lines[tap..], row);
    }
}

/// Convolves every column with the taps, neighbouring columns at once.
fn columns(pixels: &mut [f32], side: usize, border: Border, scratch: &mut BlurScratch) {
    let length = side * side;
    scratch.lines.resize(length.max(scratch.lines.len()), 0.0);
    scratch.sources.resize(scratch.taps.len(), 0);
    wide!(convolve_columns(pixels, side, border, scratch));
}

#[inline(always)]
fn convolve_columns(pixels: &mut [f32], side: usize, border: Border, scratch: &mut BlurScratch) {
    let BlurScratch {
        lines,
        taps,
        sources,
    } = scratch;
    let half = (taps.len() / 2) as isize;
    for plane in pixels.chunks_exact_mut(side * side) {
        lines[..side * side].copy_from_slice(plane);
        for (y, row) in plane.chunks_exact_mut(side).enumerate() {
            for (shift, source) in sources.iter_mut().enumerate() {
                *source = inside(y as isize + shift as isize - half, side, border) * side;
            }
            weighted_sum(taps, |tap| &lines[sources[tap]..], row);
        }
    }
}
