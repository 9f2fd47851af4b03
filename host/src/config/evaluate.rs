//! `[evaluate]`: which protocols judge the features, and their settings.

use super::check::Checks;
use crate::evaluate::finetune::FinetuneProtocol;
use crate::evaluate::knn::KnnProtocol;
use crate::evaluate::linear::LinearProtocol;
use crate::evaluate::{EvaluateError, FeaturePrecision};
use serde::{Deserialize, Serialize};
use ssl_datasets::views::EvalTransform;

/// The evaluations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluate {
    /// How images are brought to size. Default `standard`: resized to 256/224 of the size, the
    /// middle taken.
    pub transform: EvalTransform,
    /// Weighted nearest neighbours.
    pub knn: KnnProtocol,
    /// A linear classifier on frozen features.
    pub linear: LinearProtocol,
    /// Backbone and classifier trained together.
    pub finetune: FinetuneProtocol,
    /// How exactly features are kept. Default `single`.
    pub precision: FeaturePrecision,
    /// Which protocols are carried out. Default all but fine-tuning.
    pub protocols: Vec<ProtocolName>,
}

/// A protocol, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolName {
    /// Weighted nearest neighbours.
    Knn,
    /// A linear classifier by the recipe that is the same for all.
    Linear,
    /// A linear classifier by each framework's own recipe, where it has one.
    LinearPaper,
    /// Fine-tuning.
    Finetune,
}

impl std::fmt::Display for ProtocolName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Knn => "knn",
            Self::Linear => "linear",
            Self::LinearPaper => "linear-paper",
            Self::Finetune => "finetune",
        })
    }
}

impl Default for Evaluate {
    fn default() -> Self {
        Self {
            transform: EvalTransform::default(),
            knn: KnnProtocol::default(),
            linear: LinearProtocol::default(),
            finetune: FinetuneProtocol::default(),
            precision: FeaturePrecision::default(),
            protocols: vec![
                ProtocolName::Knn,
                ProtocolName::Linear,
                ProtocolName::LinearPaper,
            ],
        }
    }
}

impl Evaluate {
    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        checks.distinct(&format!("{path}.protocols"), &self.protocols);
        let results = [
            self.knn.validate(),
            self.linear.validate(),
            self.finetune.validate(),
        ];
        for result in results {
            if let Err(EvaluateError::Setting {
                key,
                expected,
                found,
            }) = result
            {
                checks.require(&format!("{path}.{key}"), false, expected, found);
            }
        }
    }
}
