//! The random numbers of a view's steps.
//!
//! A step is drawn first and applied then, so that whoever applies it need not be who draws it: on
//! a GPU whole batches are changed at once ([`ViewPlan::render_deferred`](super::ViewPlan::render_deferred)).

use ssl_plugin_api::description::{BlurKernel, Brightness};

use super::blur::{self, BlurScratch};
use super::colour;
use super::plan::{Jitter, Step};
use crate::random::Stream;

/// One operation with its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Drawn {
    /// Nothing is done.
    #[default]
    Nothing,
    /// Left and right change places.
    Flip,
    /// Multiplies by the factor and clips.
    Brightness(f32),
    /// Adds the number and clips.
    BrightnessShift(f32),
    /// Moves away from the mean luma by the factor and clips.
    Contrast(f32),
    /// Moves away from each pixel's luma by the factor and clips.
    Saturation(f32),
    /// Turns the hue by this share of a circle.
    Hue(f32),
    /// Luma in all channels.
    Grayscale,
    /// Blurs.
    Blur {
        /// Standard deviation in pixels.
        sigma: f32,
        /// How the kernel is formed.
        kernel: BlurKernel,
    },
    /// Inverts every value at or above the threshold.
    Solarize {
        /// Threshold in `[0, 1]`.
        threshold: f32,
    },
    /// Subtracts the mean, divides by the standard deviation.
    Normalize {
        /// Means by channel.
        mean: [f32; 3],
        /// Standard deviations by channel.
        std: [f32; 3],
    },
}

impl Drawn {
    /// Applies it to three square planes in `[0, 1]`.
    pub fn apply(self, pixels: &mut [f32], side: usize, scratch: &mut BlurScratch) {
        match self {
            Self::Nothing => {}
            Self::Flip => colour::flip(pixels, side),
            Self::Brightness(factor) => colour::brightness(pixels, factor),
            Self::BrightnessShift(delta) => colour::brightness_additive(pixels, delta),
            Self::Contrast(factor) => colour::contrast(pixels, factor),
            Self::Saturation(factor) => colour::saturation(pixels, factor),
            Self::Hue(shift) => colour::hue(pixels, shift),
            Self::Grayscale => colour::grayscale(pixels),
            Self::Blur { sigma, kernel } => match kernel {
                BlurKernel::Pil => blur::pil(pixels, side, sigma, scratch),
                BlurKernel::Taps { taps } => blur::sampled(pixels, side, taps, sigma, scratch),
            },
            Self::Solarize { threshold } => colour::solarize(pixels, threshold),
            Self::Normalize { mean, std } => colour::normalize(pixels, mean, std),
        }
    }
}

impl Step {
    /// Most operations that the step can become.
    pub(super) fn most(&self) -> usize {
        match self {
            Self::Flip { .. } => 0,
            Self::Jitter(_) => 4,
            _ => 1,
        }
    }

    /// Draws the step; `take` gets its operations in order.
    pub(super) fn draw(&self, stream: &mut Stream, mut take: impl FnMut(Drawn)) {
        match *self {
            Self::Flip { p } => {
                if stream.chance(p) {
                    take(Drawn::Flip);
                }
            }
            Self::Jitter(jitter) => {
                if stream.chance(jitter.p) {
                    draw_jitter(jitter, stream, take);
                }
            }
            Self::Grayscale { p } => {
                if stream.chance(p) {
                    take(Drawn::Grayscale);
                }
            }
            Self::Blur { p, sigma, kernel } => {
                if stream.chance(p) {
                    let sigma = stream.uniform(sigma[0], sigma[1]);
                    take(Drawn::Blur { sigma, kernel });
                }
            }
            Self::Solarize { p, threshold } => {
                if stream.chance(p) {
                    take(Drawn::Solarize { threshold });
                }
            }
            Self::Normalize { mean, std } => take(Drawn::Normalize { mean, std }),
        }
    }
}

fn draw_jitter(jitter: Jitter, stream: &mut Stream, mut take: impl FnMut(Drawn)) {
    let mut order = [0, 1, 2, 3];
    stream.shuffle(&mut order);
    let mut factor = |strength: f32| stream.uniform((1.0 - strength).max(0.0), 1.0 + strength);
    for op in order {
        match op {
            0 if jitter.brightness > 0.0 => take(match jitter.form {
                Brightness::Factor => Drawn::Brightness(factor(jitter.brightness)),
                Brightness::Additive => {
                    Drawn::BrightnessShift((factor(1.0) - 1.0) * jitter.brightness)
                }
            }),
            1 if jitter.contrast > 0.0 => take(Drawn::Contrast(factor(jitter.contrast))),
            2 if jitter.saturation > 0.0 => take(Drawn::Saturation(factor(jitter.saturation))),
            3 if jitter.hue > 0.0 => take(Drawn::Hue((factor(1.0) - 1.0) * jitter.hue)),
            _ => {}
        }
    }
}
