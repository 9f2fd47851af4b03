//! What an evaluation leaves behind: integer counts with everything needed to compare them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ssl_plugin_api::description::{FinetuneRecipe, LinearRecipe};
use std::collections::BTreeMap;

use super::finetune::Subset;
use super::linear::GridPoint;
use super::{ClassCount, LabelSpaceName};
use crate::digest::hex;

/// Which protocol, and a hash of all its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolRef {
    /// Stable id: `knn`, `linear-shared-cached`, …
    pub id: String,
    /// First 16 hexadecimal digits of the SHA-256 of id and settings.
    pub hash: String,
}

impl ProtocolRef {
    /// Hashes id and settings.
    #[must_use]
    pub fn new<S: Serialize>(id: &str, settings: &S) -> Self {
        // Settings are plain structs of numbers and strings, which always have a JSON form.
        let settings = serde_json::to_string(settings).unwrap_or_default();
        let digest = Sha256::digest(format!("{id}\n{settings}"));
        Self {
            id: id.to_owned(),
            hash: hex(&digest[..8]),
        }
    }
}

/// The member of a protocol's family that gave a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Variant {
    /// Weighted kNN.
    Knn {
        /// Neighbours asked for.
        k: usize,
        /// Neighbours there were, fewer where the bank is smaller.
        used: usize,
    },
    /// A linear head.
    Linear {
        /// Seed of the head.
        seed: u64,
        /// Base learning rate.
        base_lr: f64,
        /// Weight decay.
        weight_decay: f64,
    },
    /// A fine-tuned network.
    Finetune {
        /// Seed of classifier, order and crops.
        seed: u64,
        /// Learning rate of the backbone.
        lr_backbone: f64,
        /// Learning rate of the classifier.
        lr_head: f64,
    },
}

impl std::fmt::Display for Variant {
    /// A name that is stable between frameworks: the chosen rate is not part of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Knn { k, .. } => write!(f, "k={k}"),
            Self::Linear { seed, .. } | Self::Finetune { seed, .. } => write!(f, "seed={seed}"),
        }
    }
}

/// Counts of one test set, in one label space, by one variant of one protocol.
///
/// Percentages are views of `correct` and `n`; they are never stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestSetScore {
    /// The protocol.
    pub protocol: ProtocolRef,
    /// The test set.
    pub dataset: String,
    /// The label space.
    pub label_space: LabelSpaceName,
    /// The variant.
    pub variant: Variant,
    /// Whether this variant stands for the framework in tables (the headline `k`, the first seed).
    pub headline: bool,
    /// Images answered correctly.
    pub correct: u64,
    /// Images scored.
    pub n: u64,
    /// Images with a valid label among the five best classes.
    pub correct_top5: u64,
    /// Images left out, having no valid label in the space.
    pub excluded: u64,
    /// Counts by class.
    pub per_class: Vec<ClassCount>,
}

/// How the learning rate was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearDetails {
    /// Samples held out for the choice.
    pub held_out: u64,
    /// Epochs of the heads that are judged; 0 in records that do not say.
    #[serde(default)]
    pub epochs: u64,
    /// The whole grid with its held-out counts.
    pub grid: Vec<GridPoint>,
    /// Index of the chosen point.
    pub chosen: usize,
    /// Whether the chosen rate is at an end of the grid.
    pub at_edge: bool,
}

/// The framework's own linear evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaperDetails {
    /// The recipe, as the plugin describes it.
    pub recipe: LinearRecipe,
    /// Seeds whose head diverged and has no scores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diverged: Vec<u64>,
}

/// One fine-tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinetuneDetails {
    /// The protocol's id, which names the share of the labels.
    pub protocol: String,
    /// Which images.
    pub subset: Subset,
    /// The recipe: the framework's own, or the one for all.
    pub recipe: FinetuneRecipe,
    /// Held-out samples; 0 where there was nothing to choose.
    pub held_out: u64,
    /// Factors on the rates and the right answers among the held-out samples; `None` where the
    /// network diverged.
    pub factors: Vec<(f64, Option<u64>)>,
    /// The chosen factor; `None` where all diverged.
    pub chosen: Option<f64>,
}

/// Everything one backbone scored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// One entry per test set, label space and variant.
    pub evaluations: Vec<TestSetScore>,
    /// The choice of the linear rate, where the linear protocol ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<LinearDetails>,
    /// The framework's own linear recipe, where it was followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<PaperDetails>,
    /// Fine-tunings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finetune: Vec<FinetuneDetails>,
    /// BLAKE3 digest of the file of predictions, by test set; none in older records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub predictions: BTreeMap<String, String>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::knn::KnnProtocol;
    use super::*;

    #[test]
    fn protocol_hash_depends_on_id_and_settings() {
        let base = ProtocolRef::new("knn", &KnnProtocol::default());
        assert_eq!(base.hash.len(), 16);
        assert_eq!(base, ProtocolRef::new("knn", &KnnProtocol::default()));
        let warmer = KnnProtocol {
            temperature: 0.1,
            ..KnnProtocol::default()
        };
        assert_ne!(base.hash, ProtocolRef::new("knn", &warmer).hash);
        assert_ne!(
            base.hash,
            ProtocolRef::new("nn", &KnnProtocol::default()).hash
        );
    }

    #[test]
    fn evaluation_report_round_trips_through_json() {
        let report = EvaluationReport {
            evaluations: vec![TestSetScore {
                protocol: ProtocolRef::new("linear-shared-cached", &1),
                dataset: "val".to_owned(),
                label_space: LabelSpaceName::Full { classes: 10 },
                variant: Variant::Linear {
                    seed: 1,
                    base_lr: 0.3162,
                    weight_decay: 0.0,
                },
                headline: false,
                correct: 7,
                n: 9,
                correct_top5: 8,
                excluded: 1,
                per_class: vec![ClassCount {
                    class: 3,
                    correct: 7,
                    n: 9,
                }],
            }],
            linear: None,
            paper: None,
            finetune: Vec::new(),
            predictions: BTreeMap::from([("val".to_owned(), "ab".to_owned())]),
        };
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            serde_json::from_str::<EvaluationReport>(&json).unwrap(),
            report
        );
    }
}
