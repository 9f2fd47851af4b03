//! Schedules: how a number changes over training.

use serde::{Deserialize, Serialize};

/// Whether a schedule is evaluated at every optimiser step or once per epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// At every step.
    #[default]
    Step,
    /// Once per epoch, with the epoch's number.
    Epoch,
}

/// The first epochs of a learning rate: linear from `start` (absolute) to the peak.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warmup {
    /// Length in epochs.
    pub epochs: f64,
    /// Learning rate at step 0, before batch scaling is applied to it.
    #[serde(default)]
    pub start: f64,
}

/// What follows the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Decay {
    /// Stays at the peak.
    Constant,
    /// Half a cosine from the peak to the end over what is left of training.
    Cosine {
        /// End value as a share of the peak.
        #[serde(default)]
        end_fraction: f64,
        /// End value as an absolute learning rate; wins over `end_fraction` when set.
        #[serde(default)]
        end: Option<f64>,
        /// Per step or per epoch.
        #[serde(default)]
        per: Period,
    },
    /// Multiplied by `factor` at each milestone, given as shares of all epochs.
    Steps {
        /// Shares of training in `(0, 1)`.
        milestones: Vec<f64>,
        /// The factor.
        factor: f64,
    },
}

/// A value that goes from `start` to `end` over training along half a cosine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    /// Value at step 0.
    pub start: f64,
    /// Value at the last step.
    pub end: f64,
}

impl Ramp {
    /// The same value throughout.
    #[must_use]
    pub const fn constant(value: f64) -> Self {
        Self {
            start: value,
            end: value,
        }
    }

    /// Value at `progress` in `[0, 1]`: `end + (start − end)(1 + cos π·progress)/2`.
    #[must_use]
    pub fn at(&self, progress: f64) -> f64 {
        let progress = progress.clamp(0.0, 1.0);
        self.end + (self.start - self.end) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
    }
}

/// Momentum of the target encoder and of the target heads: `target ← m·target + (1 − m)·online`,
/// parameters only, applied after the optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum MomentumSchedule {
    /// `m = value`.
    Constant {
        /// The momentum in `[0, 1]`.
        value: f64,
    },
    /// `m = 1 − (1 − base)(1 + cos π(s + offset)/S)/2` after step `s` of `S`.
    Cosine {
        /// Momentum at the start.
        base: f64,
        /// 0 where the official code averages after the optimiser, 1 where it averages at the
        /// start of the next step.
        #[serde(default)]
        offset: u64,
    },
}

impl MomentumSchedule {
    /// The momentum to apply after optimiser step `step` (0-based) of `steps`.
    #[must_use]
    pub fn after_step(&self, step: u64, steps: u64) -> f64 {
        match *self {
            Self::Constant { value } => value,
            Self::Cosine { base, offset } => {
                let progress = (step + offset) as f64 / steps.max(1) as f64;
                Ramp {
                    start: base,
                    end: 1.0,
                }
                .at(progress)
            }
        }
    }
}
