//! What a cell writes and holds.

use super::super::job::Subject;
use super::Work;
use crate::config::ProtocolName;
use crate::evaluate::FeaturePrecision;
use serde::Serialize;
use ssl_plugin_api::description::Optimizer;
use std::iter::Sum;

/// Bytes of a number in f32.
const SINGLE: u64 = 4;
/// Checkpoints that are kept beside each other.
const CHECKPOINTS: u64 = 2;
/// Bytes of predictions for each image and variant, as measured: five classes with their scores, compressed.
const PREDICTION: u64 = 7;

/// Bytes by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// Features that are kept; they may be removed after the run.
    pub features: u64,
    /// Checkpoints and exported backbones.
    pub pretraining: u64,
    /// Predictions for each image.
    pub predictions: u64,
}

impl Bytes {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.features + self.pretraining + self.predictions
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            features: sum.features + one.features,
            pretraining: sum.pretraining + one.pretraining,
            predictions: sum.predictions + one.predictions,
        })
    }
}

impl Work<'_> {
    pub(super) fn disk(&self) -> Bytes {
        let kept = self.facts.bench.run.keep_features && !self.kept_before;
        let is_given = matches!(self.job.config.subject, Subject::Features(_));
        let tests = self.test_images();
        Bytes {
            features: if kept && !is_given {
                self.features()
            } else {
                0
            },
            pretraining: self.recipe().map_or(0, |recipe| {
                let backbone = SINGLE * self.parameters();
                let copies = 1 + u64::from(self.has_target());
                CHECKPOINTS * (self.state(&recipe.optimizer) + copies * backbone)
                    + copies * backbone
            }),
            predictions: PREDICTION * tests * self.variants(),
        }
    }

    /// Features of all sets, and what pretraining holds without activations: the larger of the two.
    pub(super) fn memory(&self) -> u64 {
        let training = self.recipe().map_or(0, |recipe| {
            let backbone = SINGLE * self.parameters();
            let gradients = backbone + self.sizes.map_or(0, |it| it.parameters);
            let copies = 1 + u64::from(self.has_target());
            self.state(&recipe.optimizer) + copies * backbone + gradients
        });
        training.max(self.features())
    }

    /// Features of every distinct set, and of augmented passes.
    fn features(&self) -> u64 {
        let each = match self.job.evaluation.protocols.precision {
            FeaturePrecision::Single => SINGLE,
            FeaturePrecision::Half => SINGLE / 2,
        };
        let distinct: u64 = self.distinct().map(|set| set.size.images as u64).sum();
        let rows = distinct + self.augmented_passes() * self.facts.train.size.images as u64;
        rows * self.dim() * each
    }

    /// Width of the features.
    pub(super) fn dim(&self) -> u64 {
        match super::is_pixels(self.job) {
            true => 3 * (self.job.config.views.size as u64).pow(2),
            false => self.job.config.backbone.feature_dim() as u64,
        }
    }

    fn parameters(&self) -> u64 {
        self.job.config.backbone.numbers()
    }

    fn has_target(&self) -> bool {
        self.description.is_some_and(|it| it.needs_target())
    }

    /// Heads, the framework's own state, and what the optimiser keeps of backbone and heads.
    fn state(&self, optimizer: &Optimizer) -> u64 {
        let slots = match optimizer {
            Optimizer::Sgd { .. } | Optimizer::Lars { .. } => 1,
            _ => 2,
        };
        let (heads, state) = self.sizes.map_or((0, 0), |it| (it.parameters, it.state));
        (1 + slots) * heads + state + slots * SINGLE * self.parameters()
    }

    /// Rankings of each test set.
    fn variants(&self) -> u64 {
        let settings = &self.job.evaluation.protocols;
        let counts = [
            (ProtocolName::Knn, settings.knn.k.len()),
            (ProtocolName::Linear, settings.linear.seeds.len()),
            (ProtocolName::LinearPaper, settings.linear.seeds.len()),
            (
                ProtocolName::Finetune,
                settings.finetune.shares.len() * settings.finetune.seeds.len(),
            ),
        ];
        let wanted = counts.iter().filter(|(protocol, _)| self.wants(*protocol));
        wanted.map(|(_, count)| *count as u64).sum()
    }
}
