//! Settings of the shared linear protocol.

use serde::{Deserialize, Serialize};

use crate::evaluate::{EvaluateError, Result};

/// Course of the learning rate from its peak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// `(1 + cos πt)/2` of the peak, by step.
    #[default]
    Cosine,
}

impl Schedule {
    /// Share of the peak at step `step` of `steps`.
    #[must_use]
    pub fn at(self, step: u64, steps: u64) -> f64 {
        let progress = step as f64 / steps.max(1) as f64;
        match self {
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        }
    }
}

/// Settings of the linear protocol `shared`.
///
/// The features are used as they come, without standardisation, so the best rate differs
/// between frameworks by orders of magnitude and a grid is searched instead of fixing one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinearProtocol {
    /// Epochs, at least 1; by default 50, or on a small training set as many as 12,500 steps take.
    pub epochs: Option<u64>,
    /// Batch size, at least 1; a larger one than the training set is the whole set.
    pub batch_size: usize,
    /// Base learning rates in (0, ∞), ascending; the rate is `base · batch_size / 256`.
    pub base_lrs: Vec<f64>,
    /// Weight decays in [0, ∞), each combined with each rate; not applied to the bias.
    pub weight_decays: Vec<f64>,
    /// SGD momentum in [0, 1).
    pub momentum: f64,
    /// Learning-rate schedule.
    pub schedule: Schedule,
    /// Standard deviation of the initial weights; biases start at 0.
    pub init_std: f64,
    /// Seeds of initial weights and sample order, at least one. The first stands for the framework
    /// in tables.
    pub seeds: Vec<u64>,
    /// Share of every class that is held out for choosing the rate, in (0, 1).
    pub held_out: f64,
    /// Seed of the split.
    pub split_seed: u64,
    /// Passes over the training images with random crops and flips whose features the heads learn
    /// from, one pass per epoch in turn; 0 (the default) for the features of the evaluation transform
    /// alone. Results are labelled `augmented` or `cached` accordingly.
    pub augmented_passes: usize,
}

impl Default for LinearProtocol {
    fn default() -> Self {
        Self {
            epochs: None,
            batch_size: 256,
            base_lrs: log_spaced(1e-3, 1e2, 13),
            weight_decays: vec![0.0],
            momentum: 0.9,
            schedule: Schedule::Cosine,
            init_std: 0.01,
            seeds: vec![0, 1, 2],
            held_out: 0.1,
            split_seed: 0,
            augmented_passes: 0,
        }
    }
}

/// `count` values from `first` to `last`, evenly spaced in the logarithm, to four digits.
fn log_spaced(first: f64, last: f64, count: u32) -> Vec<f64> {
    (0..count)
        .map(|i| {
            let t = f64::from(i) / f64::from(count - 1);
            let value = first * (last / first).powf(t);
            let scale = 10.0_f64.powf(3.0 - value.log10().floor());
            (value * scale).round() / scale
        })
        .collect()
}

/// Epochs on a large training set, where nothing else is said.
const EPOCHS: u64 = 50;

/// Least number of steps there: on 10,000 images 50 epochs are 2,000 steps, which end points below the optimum.
const STEPS: u64 = 12_500;

impl LinearProtocol {
    /// Epochs on a training set of `samples`.
    #[must_use]
    pub fn epochs_on(&self, samples: usize) -> u64 {
        let steps = self.steps_per_epoch(samples);
        self.epochs.unwrap_or(EPOCHS.max(STEPS.div_ceil(steps)))
    }

    /// Batches in an epoch, the last of which may be smaller; at least 1.
    pub(super) fn steps_per_epoch(&self, samples: usize) -> u64 {
        samples.div_ceil(self.batch_size.max(1)).max(1) as u64
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`EvaluateError::Setting`] with the first fault.
    pub fn validate(&self) -> Result<()> {
        let positive = |v: &f64| v.is_finite() && *v > 0.0;
        let checks: [(&'static str, &'static str, bool, String); 7] = [
            (
                "linear.epochs",
                "a whole number >= 1",
                self.epochs != Some(0),
                self.epochs.unwrap_or_default().to_string(),
            ),
            (
                "linear.batch_size",
                "a whole number >= 1",
                self.batch_size >= 1,
                self.batch_size.to_string(),
            ),
            (
                "linear.base_lrs",
                "one or more ascending numbers in (0, inf)",
                !self.base_lrs.is_empty()
                    && self.base_lrs.iter().all(positive)
                    && self.base_lrs.windows(2).all(|pair| pair[0] < pair[1]),
                format!("{:?}", self.base_lrs),
            ),
            (
                "linear.weight_decays",
                "one or more ascending numbers in [0, inf)",
                !self.weight_decays.is_empty()
                    && self.weight_decays.iter().all(|v| *v == 0.0 || positive(v))
                    && self.weight_decays.windows(2).all(|pair| pair[0] < pair[1]),
                format!("{:?}", self.weight_decays),
            ),
            (
                "linear.momentum",
                "a number in [0, 1)",
                (0.0..1.0).contains(&self.momentum),
                self.momentum.to_string(),
            ),
            (
                "linear.seeds",
                "one or more different seeds",
                !self.seeds.is_empty()
                    && (1..self.seeds.len()).all(|i| !self.seeds[..i].contains(&self.seeds[i])),
                format!("{:?}", self.seeds),
            ),
            (
                "linear.held_out",
                "a number in (0, 1)",
                self.held_out > 0.0 && self.held_out < 1.0,
                self.held_out.to_string(),
            ),
        ];
        match checks.into_iter().find(|check| !check.2) {
            None if self.init_std >= 0.0 && self.init_std.is_finite() => Ok(()),
            None => Err(EvaluateError::Setting {
                key: "linear.init_std",
                expected: "a number in [0, inf)",
                found: self.init_std.to_string(),
            }),
            Some((key, expected, _, found)) => Err(EvaluateError::Setting {
                key,
                expected,
                found,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_grid_spans_five_decades() {
        let grid = LinearProtocol::default().base_lrs;
        assert_eq!(grid.len(), 13);
        assert!((grid[0] - 1e-3).abs() < 1e-12 && (grid[12] - 100.0).abs() < 1e-9);
        assert_eq!(grid[6], 0.3162);
        assert!(LinearProtocol::default().validate().is_ok());
    }

    #[test]
    fn linear_epochs_grow_for_small_sets() {
        let mut protocol = LinearProtocol::default();
        let epochs = [1_281_167, 64_000, 10_000, 256, 1, 0].map(|n| protocol.epochs_on(n));
        assert_eq!(epochs, [50, 50, 313, 12_500, 12_500, 12_500]);
        protocol.epochs = Some(3);
        assert_eq!(protocol.epochs_on(256), 3);
    }

    #[test]
    fn cosine_schedule_ends_at_zero() {
        assert_eq!(Schedule::Cosine.at(0, 10), 1.0);
        assert!((Schedule::Cosine.at(5, 10) - 0.5).abs() < 1e-15);
        assert!(Schedule::Cosine.at(10, 10).abs() < 1e-15);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let refused = |change: fn(&mut LinearProtocol)| {
            let mut protocol = LinearProtocol::default();
            change(&mut protocol);
            protocol.validate().is_err()
        };
        assert!(refused(|p| p.epochs = Some(0)));
        assert!(refused(|p| p.batch_size = 0));
        assert!(refused(|p| p.base_lrs = vec![0.1, 0.01]));
        assert!(refused(|p| p.base_lrs.clear()));
        assert!(refused(|p| p.weight_decays = vec![-1.0]));
        assert!(refused(|p| p.momentum = 1.0));
        assert!(refused(|p| p.seeds = vec![1, 1]));
        assert!(refused(|p| p.held_out = 0.0));
        assert!(refused(|p| p.init_std = f64::NAN));
    }
}
