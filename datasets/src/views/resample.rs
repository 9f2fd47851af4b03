//! Antialiased resize, with Pillow's filters and weights.
//!
//! Separable: each output pixel is a weighted mean of the source pixels under a filter whose support
//! grows with the reduction (`support · max(1, in/out)`); weights are normalised over what lies
//! inside the source. Columns are combined first and clipped to `[0, 1]`, then rows, as Pillow does it:
//! where the bicubic filter overshoots, the order shows. The bilinear filter never does; with it, rows
//! are combined first where that leaves fewer of them.

use ssl_plugin_api::description::Interpolation;

use super::colour::planes;
use super::wide::wide;
use crate::ImageRef;

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

/// Reusable buffers of [`resample`].
#[derive(Debug, Default)]
pub struct ResampleScratch {
    rows: Axis,
    columns: Axis,
    /// The part of a source row that has weight, four values per pixel, and one pixel more.
    line: Vec<[f32; 4]>,
    /// Weights of two neighbouring pixels at a time, each four times, as `line` has values.
    pairs: Vec<[f32; 8]>,
    /// The source rows after the columns were combined: three planes side by side in each.
    middle: Vec<f32>,
}

/// Weights along one axis.
#[derive(Debug, Default)]
struct Axis {
    /// First source pixel and number of taps of each output pixel.
    bounds: Vec<(usize, usize)>,
    /// `stride` weights per output pixel.
    weights: Vec<f32>,
    stride: usize,
}

impl Axis {
    /// Weights for output pixels `first .. first + count` of a resize from `input` to `output`.
    fn prepare(
        &mut self,
        input: usize,
        output: usize,
        (first, count): (usize, usize),
        interpolation: Interpolation,
    ) {
        let scale = input as f64 / output as f64;
        let stretch = scale.max(1.0);
        let support = stretch
            * match interpolation {
                Interpolation::Bilinear => 1.0,
                Interpolation::Bicubic => 2.0,
            };
        self.stride = support.ceil() as usize * 2 + 1;
        self.bounds.clear();
        self.weights.clear();
        self.weights.resize(count * self.stride, 0.0);
        for (at, out) in (first..first + count).enumerate() {
            let center = (out as f64 + 0.5) * scale;
            // `as usize` truncates and saturates at zero, as Pillow's cast and clamp do.
            let low = (center - support + 0.5) as usize;
            let high = ((center + support + 0.5) as usize).min(input);
            let taps = &mut self.weights[at * self.stride..][..high - low];
            let mut sum = 0.0;
            for (tap, weight) in taps.iter_mut().enumerate() {
                let distance = ((low + tap) as f64 - center + 0.5) / stretch;
                let value = filter(interpolation, distance);
                *weight = value as f32;
                sum += value;
            }
            if sum != 0.0 {
                for weight in taps.iter_mut() {
                    *weight = (f64::from(*weight) / sum) as f32;
                }
            }
            self.bounds.push((low, high - low));
        }
    }

    /// The source pixels that have any weight.
    fn span(&self) -> std::ops::Range<usize> {
        let start = self.bounds.first().map_or(0, |(start, _)| *start);
        start..self.bounds.last().map_or(0, |(start, count)| start + count)
    }

    /// Pairs of weights per output pixel.
    fn pairs(&self) -> usize {
        self.stride.div_ceil(2)
    }

    /// Spreads the weights out in pairs; behind an odd last one stands a zero.
    fn spread(&self, pairs: &mut Vec<[f32; 8]>) {
        pairs.clear();
        for at in 0..self.bounds.len() {
            let (_, weights) = self.taps(at);
            pairs.extend((0..self.pairs()).map(|pair| {
                let weight = |tap: usize| weights.get(tap).copied().unwrap_or(0.0) / 255.0;
                let (a, b) = (weight(2 * pair), weight(2 * pair + 1));
                [a, a, a, a, b, b, b, b]
            }));
        }
    }

    fn taps(&self, at: usize) -> (usize, &[f32]) {
        let (first, count) = self.bounds[at];
        (first, &self.weights[at * self.stride..][..count])
    }
}

fn filter(interpolation: Interpolation, x: f64) -> f64 {
    let x = x.abs();
    match interpolation {
        Interpolation::Bilinear => (1.0 - x).max(0.0),
        Interpolation::Bicubic => {
            const A: f64 = -0.5;
            if x < 1.0 {
                ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
            } else if x < 2.0 {
                (((x - 5.0) * x + 8.0) * x - 4.0) * A
            } else {
                0.0
            }
        }
    }
}

/// Resizes the part `from` of `image` to `size` (width, height) and writes the part `window` of the
/// result into `out`: three planes of `window.height × window.width`, in `[0, 1]`.
///
/// Pixels outside `from` have no influence, as when the part is cut out first. `from` lies inside
/// the image and `window` inside the result.
pub fn resample(
    image: ImageRef<'_>,
    from: Rect,
    size: (usize, usize),
    window: Rect,
    interpolation: Interpolation,
    scratch: &mut ResampleScratch,
    out: &mut [f32],
) {
    scratch
        .columns
        .prepare(from.width, size.0, (window.x, window.width), interpolation);
    scratch.rows.prepare(
        from.height,
        size.1,
        (window.y, window.height),
        interpolation,
    );
    scratch.columns.spread(&mut scratch.pairs);
    let fewer = window.height < scratch.rows.span().len();
    if fewer && interpolation == Interpolation::Bilinear {
        wide(combine_rows_first, (image, from, window, scratch, out));
    } else {
        wide(combine, (image, from, window, scratch, out));
    }
}

/// What is combined, from where, into what.
type Combination<'a> = (
    ImageRef<'a>,
    Rect,
    Rect,
    &'a mut ResampleScratch,
    &'a mut [f32],
);

#[inline(always)]
fn combine((image, from, window, scratch, out): Combination<'_>) {
    let ResampleScratch {
        rows,
        columns,
        line,
        pairs,
        middle,
    } = scratch;
    let width = window.width;
    let (across, down) = (columns.span(), rows.span());
    let first = down.start;
    line.resize(across.len() + 2, [0.0; 4]);
    middle.resize(down.len() * 3 * width, 0.0);
    for (row, done) in down.zip(middle.chunks_exact_mut(3 * width)) {
        let start = ((from.y + row) * image.width + from.x + across.start) * 3;
        let (source, _) = image.data[start..start + across.len() * 3].as_chunks::<3>();
        for (pixel, &[r, g, b]) in line.iter_mut().zip(source) {
            *pixel = [f32::from(r), f32::from(g), f32::from(b), 0.0];
        }
        combine_columns((line.as_flattened(), across.start), columns, pairs, done);
    }
    let plane = width * window.height;
    for y in 0..window.height {
        let (start, weights) = rows.taps(y);
        for c in 0..3 {
            let out = &mut out[c * plane + y * width..][..width];
            out.fill(0.0);
            for (tap, &weight) in weights.iter().enumerate() {
                let under = &middle[((start - first + tap) * 3 + c) * width..][..width];
                for (sum, x) in out.iter_mut().zip(under) {
                    *sum += weight * x;
                }
            }
            for x in out {
                *x = x.clamp(0.0, 1.0);
            }
        }
    }
}

#[inline(always)]
fn combine_rows_first((image, from, window, scratch, out): Combination<'_>) {
    let ResampleScratch {
        rows,
        columns,
        line,
        pairs,
        middle,
    } = scratch;
    let width = window.width;
    let across = columns.span();
    line.resize(across.len() + 2, [0.0; 4]);
    // One row of the source's width, one of the result's.
    middle.resize(3 * (across.len() + width), 0.0);
    let (sums, done) = middle.split_at_mut(3 * across.len());
    let done = &mut done[..3 * width];
    for y in 0..window.height {
        let (start, weights) = rows.taps(y);
        sums.fill(0.0);
        for (tap, &weight) in weights.iter().enumerate() {
            let row = from.y + start + tap;
            let at = (row * image.width + from.x + across.start) * 3;
            for (sum, &value) in sums.iter_mut().zip(&image.data[at..at + 3 * across.len()]) {
                *sum += weight * f32::from(value);
            }
        }
        let (pixels, _) = sums.as_chunks::<3>();
        for (pixel, &[r, g, b]) in line.iter_mut().zip(pixels) {
            *pixel = [r, g, b, 0.0];
        }
        combine_columns((line.as_flattened(), across.start), columns, pairs, done);
        for (c, row) in done.chunks_exact(width).enumerate() {
            out[(c * window.height + y) * width..][..width].copy_from_slice(row);
        }
    }
}

/// Combines the pixels of one source row, of which `line` begins with pixel `start`, into three
/// planes, clipped to `[0, 1]`.
#[inline(always)]
fn combine_columns(
    (line, start): (&[f32], usize),
    columns: &Axis,
    pairs: &[[f32; 8]],
    done: &mut [f32],
) {
    let [red, green, blue] = planes(done);
    let outputs = red.iter_mut().zip(green).zip(blue);
    let weights = pairs.chunks_exact(columns.pairs());
    for ((((r, g), b), &(first, count)), weights) in outputs.zip(&columns.bounds).zip(weights) {
        let used = count.div_ceil(2);
        let from = (first - start) * 4;
        let (pixels, _) = line[from..from + used * 8].as_chunks::<8>();
        let mut sum = [0.0_f32; 8];
        for (pixel, weight) in pixels.iter().zip(weights) {
            for ((sum, value), weight) in sum.iter_mut().zip(pixel).zip(weight) {
                *sum += weight * value;
            }
        }
        *r = (sum[0] + sum[4]).clamp(0.0, 1.0);
        *g = (sum[1] + sum[5]).clamp(0.0, 1.0);
        *b = (sum[2] + sum[6]).clamp(0.0, 1.0);
    }
}
