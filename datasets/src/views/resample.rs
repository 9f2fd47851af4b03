//! Antialiased resize, with Pillow's filters and weights.
//!
//! Separable: each output pixel is a weighted mean of the source pixels under a filter whose support
//! grows with the reduction (`support · max(1, in/out)`); weights are normalised over what lies
//! inside the source. Columns are combined first and clipped to `[0, 1]`, then rows, as Pillow does it:
//! where the bicubic filter overshoots, the order shows. The bilinear filter never does; with it, rows
//! are combined first where that leaves fewer of them.

use ssl_plugin_api::description::Interpolation;

use super::sum::weighted_sum;
use super::weights::Weights;
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
    rows: Weights,
    columns: Weights,
    /// Neighbouring rows, one in each lane: three values per pixel.
    band: Vec<[f32; LANES]>,
    /// The same after their columns were combined: three values per pixel.
    outputs: Vec<[[f32; LANES]; 3]>,
    /// Rows of three planes side by side: the source's rows after the columns were combined, or the
    /// other way round.
    middle: Vec<f32>,
}

/// Rows whose columns are combined together, one in each lane of a vector.
const LANES: usize = 8;

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
    let width = window.width;
    let across = (window.x, width);
    let down = (window.y, window.height);
    scratch
        .columns
        .prepare((from.width, size.0), across, interpolation, 1.0 / 255.0);
    scratch
        .rows
        .prepare((from.height, size.1), down, interpolation, 1.0);
    let fewer = window.height < scratch.rows.span().len();
    if fewer && interpolation == Interpolation::Bilinear {
        wide!(rows_then_columns(image, from, width, scratch, out));
    } else {
        wide!(columns_then_rows(image, from, width, scratch, out));
    }
}

/// Combines the columns of all source rows, then the rows of that.
#[inline(always)]
fn columns_then_rows(
    image: ImageRef<'_>,
    from: Rect,
    width: usize,
    scratch: &mut ResampleScratch,
    out: &mut [f32],
) {
    let ResampleScratch {
        rows,
        columns,
        band,
        outputs,
        middle,
    } = scratch;
    let (across, down) = (columns.span(), rows.span());
    let line = 3 * width;
    middle.resize(down.len() * line, 0.0);
    for (at, done) in middle.chunks_mut(LANES * line).enumerate() {
        let first = from.y + down.start + at * LANES;
        let last = first + done.len() / line - 1;
        spread(band, 3 * across.len(), |lane| {
            // A last band of fewer rows repeats its last; what comes of that goes nowhere.
            let row = last.min(first + lane);
            let start = (row * image.width + from.x + across.start) * 3;
            &image.data[start..][..3 * across.len()]
        });
        combine_columns(band, columns, across.start, outputs, done);
    }
    let plane = out.len() / 3;
    for (y, (start, weights)) in rows.iter().enumerate() {
        let under = &middle[(start - down.start) * line..][..weights.len() * line];
        for c in 0..3 {
            let out = &mut out[c * plane + y * width..][..width];
            weighted_sum(weights, |tap| &under[tap * line + c * width..], out);
            for x in out {
                *x = x.clamp(0.0, 1.0);
            }
        }
    }
}

/// Combines source rows, then the columns of that, a band of rows at a time.
#[inline(always)]
fn rows_then_columns(
    image: ImageRef<'_>,
    from: Rect,
    width: usize,
    scratch: &mut ResampleScratch,
    out: &mut [f32],
) {
    let ResampleScratch {
        rows,
        columns,
        band,
        outputs,
        middle,
    } = scratch;
    let across = columns.span();
    let line = 3 * across.len();
    // A band of rows of the source's width, then of the result's.
    middle.resize(LANES * (line + 3 * width), 0.0);
    let (sums, done) = middle.split_at_mut(LANES * line);
    let height = out.len() / (3 * width);
    let mut weights = rows.iter();
    for y in (0..height).step_by(LANES) {
        for (row, (start, weights)) in sums.chunks_exact_mut(line).zip(&mut weights) {
            let at = ((from.y + start) * image.width + from.x + across.start) * 3;
            let under = |tap| &image.data[at + tap * 3 * image.width..];
            weighted_sum(weights, under, row);
        }
        spread(band, line, |lane| &sums[lane * line..][..line]);
        combine_columns(band, columns, across.start, outputs, done);
        let rows = done.chunks_exact(3 * width).zip(y..height);
        for (row, y) in rows {
            for (c, row) in row.chunks_exact(width).enumerate() {
                out[(c * height + y) * width..][..width].copy_from_slice(row);
            }
        }
    }
}

/// Puts rows of `length` values, of which `source` gives one for each lane, beside each other.
#[inline(always)]
fn spread<'a, T: Copy + Into<f32> + 'a>(
    band: &mut Vec<[f32; LANES]>,
    length: usize,
    source: impl Fn(usize) -> &'a [T],
) {
    band.resize(length, [0.0; LANES]);
    let sources: [&[T]; LANES] = std::array::from_fn(source);
    for (at, lanes) in band.iter_mut().enumerate() {
        for (value, source) in lanes.iter_mut().zip(sources) {
            *value = source[at].into();
        }
    }
}

/// Combines the columns of a band, which begins with source pixel `first`, into rows of three planes,
/// clipped to `[0, 1]`; as many rows as `done` has room for.
#[inline(always)]
fn combine_columns(
    band: &[[f32; LANES]],
    columns: &Weights,
    first: usize,
    outputs: &mut Vec<[[f32; LANES]; 3]>,
    done: &mut [f32],
) {
    let (band, _) = band.as_chunks::<3>();
    outputs.resize(columns.len(), [[0.0; LANES]; 3]);
    for (output, (start, weights)) in outputs.iter_mut().zip(columns.iter()) {
        // Summed in a variable of its own: that stays in registers.
        let mut sums = [[0.0_f32; LANES]; 3];
        for (pixel, &weight) in band[start - first..].iter().zip(weights) {
            for (sum, lanes) in sums.iter_mut().zip(pixel) {
                for (sum, value) in sum.iter_mut().zip(lanes) {
                    *sum += weight * value;
                }
            }
        }
        *output = sums;
    }
    let width = outputs.len();
    for (lane, row) in done.chunks_exact_mut(3 * width).enumerate() {
        for (c, row) in row.chunks_exact_mut(width).enumerate() {
            for (x, sums) in row.iter_mut().zip(&*outputs) {
                *x = sums[c][lane].clamp(0.0, 1.0);
            }
        }
    }
}
