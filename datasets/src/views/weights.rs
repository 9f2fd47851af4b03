//! Weights of a resize along one axis.

use std::ops::Range;

use ssl_plugin_api::description::Interpolation;

/// For each output pixel, the source pixels it is made of and their weights.
#[derive(Debug, Default)]
pub(super) struct Weights {
    /// First source pixel and number of taps of each output pixel.
    bounds: Vec<(usize, usize)>,
    /// `stride` weights per output pixel.
    weights: Vec<f32>,
    stride: usize,
}

impl Weights {
    /// Weights of sum `total` for output pixels `first .. first + count` of a resize from `input` to
    /// `output` pixels.
    ///
    /// Source pixel `i` gets `f((i + ½ − c)/s)` in proportion, with the filter `f`, the stretch
    /// `s = max(1, input/output)` and the centre `c = (o + ½)·input/output` of output pixel `o`.
    pub fn prepare(
        &mut self,
        (input, output): (usize, usize),
        (first, count): (usize, usize),
        interpolation: Interpolation,
        total: f64,
    ) {
        let scale = input as f64 / output as f64;
        let stretch = scale.max(1.0);
        self.stride = support(stretch, interpolation).ceil() as usize * 2 + 1;
        self.bounds.clear();
        self.weights.clear();
        self.weights.resize(count * self.stride, 0.0);
        let outputs = self.weights.chunks_exact_mut(self.stride);
        for (out, taps) in (first..first + count).zip(outputs) {
            let center = (out as f64 + 0.5) * scale;
            let sources = sources(out, (input, output), interpolation);
            let low = sources.start;
            let taps = &mut taps[..sources.len()];
            let mut sum = 0.0;
            for (tap, weight) in taps.iter_mut().enumerate() {
                let distance = ((low + tap) as f64 - center + 0.5) / stretch;
                let value = filter(interpolation, distance);
                *weight = value as f32;
                sum += value;
            }
            if sum != 0.0 {
                for weight in taps {
                    *weight = (f64::from(*weight) * total / sum) as f32;
                }
            }
            self.bounds.push((low, sources.len()));
        }
    }

    /// Number of output pixels.
    pub fn len(&self) -> usize {
        self.bounds.len()
    }

    /// The source pixels that have any weight.
    pub fn span(&self) -> Range<usize> {
        let start = self.bounds.first().map_or(0, |(start, _)| *start);
        start..self.bounds.last().map_or(0, |(start, count)| start + count)
    }

    /// First source pixel of each output pixel, and the weights from there on.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let weights = self.weights.chunks_exact(self.stride);
        let bounds = self.bounds.iter().zip(weights);
        bounds.map(|(&(start, count), weights)| (start, &weights[..count]))
    }
}

/// The source pixels that output pixel `out` is made of, in a resize from `input` to `output` pixels.
pub(super) fn sources(
    out: usize,
    (input, output): (usize, usize),
    interpolation: Interpolation,
) -> Range<usize> {
    let scale = input as f64 / output as f64;
    let center = (out as f64 + 0.5) * scale;
    let support = support(scale.max(1.0), interpolation);
    // `as usize` truncates and saturates at zero, as Pillow's cast and clamp do.
    let low = (center - support + 0.5) as usize;
    low..((center + support + 0.5) as usize).min(input)
}

/// Half the width of the stretched filter, in source pixels.
fn support(stretch: f64, interpolation: Interpolation) -> f64 {
    stretch
        * match interpolation {
            Interpolation::Bilinear => 1.0,
            Interpolation::Bicubic => 2.0,
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
