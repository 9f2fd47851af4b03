//! Settings of fine-tuning.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ssl_plugin_api::description::{FinetuneRecipe, LinearSchedule, Optimizer, Period};

use crate::evaluate::{EvaluateError, Result};

/// How many labels are used, and which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelFraction {
    /// The share in (0, 1].
    pub labels: f64,
    /// A file with the names of the images, one a line, compared with the last part of each sample's
    /// id; relative to the data root. Without one the share is drawn class by class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<PathBuf>,
}

impl LabelFraction {
    /// The protocol's id: `finetune-full`, `finetune-10`, `finetune-1` by percent.
    #[must_use]
    pub fn id(&self) -> String {
        if self.labels >= 1.0 {
            "finetune-full".to_owned()
        } else {
            format!("finetune-{}", 100.0 * self.labels)
        }
    }
}

/// Settings of fine-tuning that are the same for every framework; recipes are recorded with the
/// results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinetuneProtocol {
    /// Shares of the labels, at least one. Default: all, a tenth, a hundredth.
    pub shares: Vec<LabelFraction>,
    /// Factors on the recipe's rates, ascending in (0, inf), of which one is chosen on held-out
    /// samples; with a single one nothing is held out. Default 0.1, 1, 10.
    pub lr_factors: Vec<f64>,
    /// Epochs instead of the recipe's, at least 1. Default: the recipe's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Share of every class that is held out for the choice, in (0, 1). Default 0.1.
    pub held_out: f64,
    /// Seed of split and subset. Default 0.
    pub split_seed: u64,
    /// Seeds of the classifier, the order and the crops; the first stands for the framework in
    /// tables. Default 0.
    pub seeds: Vec<u64>,
    /// Standard deviation of the classifier's initial weights. Default 0.01.
    pub init_std: f64,
}

impl Default for FinetuneProtocol {
    fn default() -> Self {
        let share = |labels| LabelFraction { labels, list: None };
        Self {
            shares: [1.0, 0.1, 0.01].map(share).to_vec(),
            lr_factors: vec![0.1, 1.0, 10.0],
            epochs: None,
            held_out: 0.1,
            split_seed: 0,
            seeds: vec![0],
            init_std: 0.01,
        }
    }
}

impl FinetuneProtocol {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`EvaluateError::Setting`] with the first fault.
    pub fn validate(&self) -> Result<()> {
        let refuse = |key, expected, found: String| {
            Err(EvaluateError::Setting {
                key,
                expected,
                found,
            })
        };
        let share = |s: &LabelFraction| s.labels > 0.0 && s.labels <= 1.0;
        let ids: Vec<String> = self.shares.iter().map(LabelFraction::id).collect();
        let distinct = (1..ids.len()).all(|n| !ids[..n].contains(&ids[n]));
        if ids.is_empty() || !distinct || !self.shares.iter().all(share) {
            let expected = "one or more different shares in (0, 1]";
            return refuse("finetune.shares", expected, ids.join(", "));
        }
        let positive = |v: &f64| v.is_finite() && *v > 0.0;
        let factors = &self.lr_factors;
        let ascending = factors.windows(2).all(|pair| pair[0] < pair[1]);
        if factors.is_empty() || !ascending || !factors.iter().all(positive) {
            let expected = "one or more ascending numbers in (0, inf)";
            return refuse("finetune.lr_factors", expected, format!("{factors:?}"));
        }
        if self.epochs == Some(0) {
            return refuse("finetune.epochs", "a whole number >= 1", "0".to_owned());
        }
        if !(self.held_out > 0.0 && self.held_out < 1.0) {
            let found = self.held_out.to_string();
            return refuse("finetune.held_out", "a number in (0, 1)", found);
        }
        let seeds = &self.seeds;
        if seeds.is_empty() || (1..seeds.len()).any(|n| seeds[..n].contains(&seeds[n])) {
            let expected = "one or more different seeds";
            return refuse("finetune.seeds", expected, format!("{seeds:?}"));
        }
        if !(self.init_std.is_finite() && self.init_std >= 0.0) {
            let found = self.init_std.to_string();
            return refuse("finetune.init_std", "a number in [0, inf)", found);
        }
        Ok(())
    }

    /// The recipe for a share: the framework's own where it has one, else [`fallback`].
    #[must_use]
    pub fn recipe(&self, share: &LabelFraction, own: &[FinetuneRecipe]) -> FinetuneRecipe {
        let mut recipe = own
            .iter()
            .find(|recipe| (recipe.labels - share.labels).abs() < 1e-9)
            .cloned()
            .unwrap_or_else(|| fallback(share.labels));
        recipe.epochs = self.epochs.unwrap_or(recipe.epochs);
        recipe
    }
}

/// Fine-tuning where a framework's authors report none: 30 epochs of SGD with momentum 0.9, batch 256,
/// rates 0.01 for the backbone and 0.1 for the classifier, cosine per epoch, no decay.
#[must_use]
pub const fn fallback(labels: f64) -> FinetuneRecipe {
    FinetuneRecipe {
        labels,
        epochs: 30,
        batch_size: 256,
        lr_backbone: 0.01,
        lr_head: 0.1,
        weight_decay: 0.0,
        optimizer: Optimizer::Sgd {
            momentum: 0.9,
            nesterov: false,
        },
        schedule: LinearSchedule::Cosine { per: Period::Epoch },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_refused() {
        assert!(FinetuneProtocol::default().validate().is_ok());
        let refused = |change: fn(&mut FinetuneProtocol)| {
            let mut protocol = FinetuneProtocol::default();
            change(&mut protocol);
            protocol.validate().is_err()
        };
        assert!(refused(|p| p.shares.clear()));
        assert!(refused(|p| p.shares[1].labels = 1.0));
        assert!(refused(|p| p.shares[0].labels = 1.5));
        assert!(refused(|p| p.lr_factors = vec![1.0, 0.1]));
        assert!(refused(|p| p.epochs = Some(0)));
        assert!(refused(|p| p.held_out = 1.0));
        assert!(refused(|p| p.seeds = vec![2, 2]));
        assert!(refused(|p| p.init_std = f64::INFINITY));
    }

    #[test]
    fn own_finetune_recipe_applies_to_its_label_fraction_only() {
        let own = [FinetuneRecipe {
            epochs: 20,
            ..fallback(0.01)
        }];
        let protocol = FinetuneProtocol::default();
        let epochs = |n: usize| protocol.recipe(&protocol.shares[n], &own).epochs;
        assert_eq!([epochs(0), epochs(1), epochs(2)], [30, 30, 20]);
        let ids: Vec<String> = protocol.shares.iter().map(LabelFraction::id).collect();
        assert_eq!(ids, ["finetune-full", "finetune-10", "finetune-1"]);
    }
}
