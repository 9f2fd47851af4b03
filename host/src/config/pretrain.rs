//! `[pretrain]`: length, hardware, and departures from the papers' recipes.

use super::check::Checks;
use crate::backbone::ComputePrecision;
use crate::device::DeviceName;
use crate::pretrain::KnnMonitorConfig;
use serde::{Deserialize, Serialize};
use ssl_plugin_api::description::{Decay, Optimizer, Ramp, Recipe, Scaling, Warmup};
use std::time::Duration;

/// Pretraining, for all frameworks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pretrain {
    /// Threads that load and augment images, at least 1. Default: a quarter of the cores; all of
    /// them with a GPU.
    pub workers: Option<usize>,
    /// Threads libtorch computes with, at least 1. Default 1 on every machine, because another number gives
    /// other results.
    pub threads: usize,
    /// `cpu`, `cuda` or `cuda:N`. Default `cpu`.
    pub device: DeviceName,
    /// Numbers the backbone computes with in pretraining: `f32` or `bf16`. Evaluation, losses and
    /// heads are always in f32. Default `f32`.
    pub precision: ComputePrecision,
    /// How often a checkpoint is written.
    pub checkpoint: CheckpointInterval,
    /// Online evaluation of the backbone by nearest neighbours.
    pub probe: KnnMonitorConfig,
    /// Changes to the frameworks' recipes. Default none: the papers' own.
    pub recipe: RecipeOverride,
}

impl Default for Pretrain {
    fn default() -> Self {
        Self {
            workers: None,
            threads: 1,
            device: DeviceName::Cpu,
            precision: ComputePrecision::default(),
            checkpoint: CheckpointInterval::default(),
            probe: KnnMonitorConfig::default(),
            recipe: RecipeOverride::default(),
        }
    }
}

impl Pretrain {
    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        if let Some(workers) = self.workers {
            checks.threads(&format!("{path}.workers"), workers);
        }
        checks.threads(&format!("{path}.threads"), self.threads);
        let minutes = self.checkpoint.minutes;
        checks.require(
            &format!("{path}.checkpoint.minutes"),
            (0.0..=MOST_MINUTES).contains(&minutes),
            "a number in [0, 10080]",
            minutes,
        );
        self.check_probe(&format!("{path}.probe"), checks);
        self.recipe.check(&format!("{path}.recipe"), checks);
    }

    fn check_probe(&self, path: &str, checks: &mut Checks) {
        let probe = &self.probe;
        checks.at_least(&format!("{path}.samples"), probe.samples as u64, 2);
        checks.at_least(&format!("{path}.k"), probe.k as u64, 1);
        checks.require(
            &format!("{path}.held_out"),
            probe.held_out > 0.0 && probe.held_out < 1.0,
            "a number in (0, 1)",
            probe.held_out,
        );
    }
}

/// The longest time between two checkpoints: a week.
const MOST_MINUTES: f64 = 10_080.0;

/// How often a checkpoint is written within an epoch. One is also written at the end of each epoch, and
/// when the run is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointInterval {
    /// Minutes from one checkpoint to the next, in [0, 10080]; 0 writes one after each step. Default 10.
    pub minutes: f64,
}

impl Default for CheckpointInterval {
    fn default() -> Self {
        Self { minutes: 10.0 }
    }
}

impl CheckpointInterval {
    /// The same as a duration.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(60.0 * self.minutes).unwrap_or(Duration::MAX)
    }
}

/// Departures from a paper's recipe; what is absent stays as the paper has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecipeOverride {
    /// Epochs, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Images per optimiser step, at least 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// Optimiser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<Optimizer>,
    /// Base learning rate at a batch of 256, in (0, inf).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// How the learning rate follows the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// Length of the warm-up in epochs, in [0, inf); 0 turns it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_epochs: Option<f64>,
    /// Learning rate after the warm-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay: Option<Decay>,
    /// Weight decay, in [0, inf), constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl RecipeOverride {
    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        let at = |key: &str| format!("{path}.{key}");
        if let Some(epochs) = self.epochs {
            checks.at_least(&at("epochs"), epochs, 1);
        }
        if let Some(batch) = self.batch_size {
            checks.at_least(&at("batch_size"), batch as u64, 2);
        }
        if let Some(lr) = self.lr {
            checks.positive(&at("lr"), lr);
        }
        if let Some(warmup) = self.warmup_epochs {
            checks.not_negative(&at("warmup_epochs"), warmup);
        }
        if let Some(decay) = self.weight_decay {
            checks.not_negative(&at("weight_decay"), decay);
        }
    }

    /// These departures, and `other`'s where both say something.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            epochs: other.epochs.or(self.epochs),
            batch_size: other.batch_size.or(self.batch_size),
            optimizer: other.optimizer.clone().or_else(|| self.optimizer.clone()),
            lr: other.lr.or(self.lr),
            scaling: other.scaling.or(self.scaling),
            warmup_epochs: other.warmup_epochs.or(self.warmup_epochs),
            decay: other.decay.clone().or_else(|| self.decay.clone()),
            weight_decay: other.weight_decay.or(self.weight_decay),
        }
    }

    /// The recipe with these departures.
    #[must_use]
    pub fn apply(&self, mut recipe: Recipe) -> Recipe {
        if let Some(epochs) = self.epochs {
            recipe.epochs = epochs;
        }
        if let Some(batch) = self.batch_size {
            recipe.batch_size = batch;
        }
        if let Some(optimizer) = &self.optimizer {
            recipe.optimizer = optimizer.clone();
        }
        if let Some(lr) = self.lr {
            // Where the warm-up starts and the decay ends keep their shares of the peak.
            let ratio = lr / recipe.lr.base;
            if let Some(warmup) = &mut recipe.lr.warmup {
                warmup.start *= ratio;
            }
            if let Decay::Cosine { end: Some(end), .. } = &mut recipe.lr.decay {
                *end *= ratio;
            }
            recipe.lr.base = lr;
        }
        if let Some(scaling) = self.scaling {
            recipe.lr.scaling = scaling;
        }
        if let Some(epochs) = self.warmup_epochs {
            let start = recipe.lr.warmup.map_or(0.0, |w| w.start);
            recipe.lr.warmup = (epochs > 0.0).then_some(Warmup { epochs, start });
        }
        if let Some(decay) = &self.decay {
            recipe.lr.decay = decay.clone();
        }
        if let Some(decay) = self.weight_decay {
            recipe.weight_decay = Ramp::constant(decay);
        }
        recipe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssl_plugin_api::description::{LearningRate, Period};

    fn recipe() -> Recipe {
        Recipe {
            batch_size: 4096,
            epochs: 100,
            optimizer: Optimizer::Sgd {
                momentum: 0.9,
                nesterov: false,
            },
            lr: LearningRate {
                base: 0.3,
                scaling: Scaling::Linear,
                warmup: Some(Warmup {
                    epochs: 10.0,
                    start: 0.1,
                }),
                decay: Decay::Cosine {
                    end_fraction: 0.0,
                    end: Some(0.03),
                    per: Period::Step,
                },
            },
            weight_decay: Ramp::constant(1e-6),
            groups: Vec::new(),
            clipping: None,
            zero_init_residual: false,
            mixed_precision: false,
        }
    }

    #[test]
    fn recipe_override_of_lr_scales_warmup_and_decay() {
        let changes = RecipeOverride {
            lr: Some(3e-3),
            scaling: Some(Scaling::None),
            warmup_epochs: Some(2.0),
            ..RecipeOverride::default()
        };
        let lr = changes.apply(recipe()).lr;
        assert_eq!(lr.warmup.map(|w| w.epochs), Some(2.0));
        let at = |step| lr.at(step, 1, 6, 64);
        assert!((at(0) - 1e-3).abs() < 1e-12, "{}", at(0));
        assert!((at(1) - 2e-3).abs() < 1e-12, "{}", at(1));
        assert!((at(2) - 3e-3).abs() < 1e-12, "{}", at(2));
        assert!((at(6) - 3e-4).abs() < 1e-12, "{}", at(6));
    }
}
