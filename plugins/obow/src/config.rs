//! OBoW's configuration.

use crate::bags::{Pool, Sharpness};
use serde::Deserialize;
use ssl_plugin_kit::prelude::*;

/// Stages that can give words.
const LEVELS: [&str; 4] = ["layer1", "layer2", "layer3", "layer4"];
/// Cells of the grid that patches are taken from.
const CELLS: usize = 9;

/// `inv_delta`: one number, or one for each level.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum InvDelta {
    /// The same for all levels.
    All(f64),
    /// One for each level.
    ByLevel(Vec<f64>),
}

/// What enters the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// One position of the map averaged over 3 × 3.
    LocalAverage,
    /// One position of the map.
    NoAveraging,
    /// The mean of the map.
    GlobalAverage,
}

/// Which position enters the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Drawn anew for each image and level.
    Uniform,
    /// `(index + step) mod positions`.
    Indexed,
}

config! {
    /// OBoW's configuration.
    pub struct ObowConfig {
        /// Stages of the teacher whose feature maps give words; layer4 alone is the vanilla form.
        bow_levels: Vec<String> = ["layer3", "layer4"], in list_of(one_of(&LEVELS), 1, LEVELS.len()),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
        /// Words of each vocabulary, a multiple of the global batch.
        num_words: usize = 8192, in at_least(2),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
        /// Sharpness of the codes in units of 1 over the mean least distance, one number or one per level;
        /// 10 for ResNet-18; null for the nearest word alone.
        inv_delta: Option<InvDelta> = 15, in or_null(any_of(&[factor(), list_of(factor(), 1, LEVELS.len())])),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
        /// How the codes of all positions become one bag.
        bow_pool: Pool = "max", in one_of(&["max", "avg"]),
            from "valeoai/obow obow/builder_obow.py";
        /// What enters the vocabulary: a position of the map averaged over 3 x 3, of the map as it is, or
        /// the mean of the map.
        update_type: Update = "local_average", in one_of(&["local_average", "no_averaging", "global_average"]),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
        /// Weight of the old mean least distance in the new one, per step.
        min_distance_decay: f64 = 0.99, in fraction(), from "valeoai/obow obow/builder_obow.py";
        /// The position that enters the vocabulary: drawn anew per image and level, or
        /// (index + step) mod positions.
        location_sampling: Sampling = "uniform", in one_of(&["uniform", "indexed"]),
            from "uniform in the code; indexed is ours";
        /// The student's crops of 160 pixels, and patches of 96.
        num_crops: Vec<usize> = [2, 5], in list_of(whole(1, 64), 1, 2),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
        /// Factor on the logits; 5 for ResNet-18.
        kappa: f64 = 8, in factor(),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
        /// Whether kappa is trained, one for each level.
        learn_kappa: bool = false, in boolean(),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
        /// Momentum of the teacher at the start, per step.
        momentum: f64 = 0.99, in fraction(),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
        /// How the momentum rises to 1.
        momentum_schedule: String = "cosine", in one_of(&["cosine", "constant"]),
            from "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
    }
    check Self::check
}

impl ObowConfig {
    /// The levels, in the order of their generators.
    #[must_use]
    pub fn levels(&self) -> Vec<Level> {
        let named = self.bow_levels.iter();
        named.filter_map(|name| Level::from_name(name)).collect()
    }

    /// How sharp the codes of level `i` are.
    #[must_use]
    pub fn sharpness(&self, i: usize) -> Sharpness {
        match &self.inv_delta {
            None => Sharpness::Hard,
            Some(InvDelta::All(value)) => Sharpness::Soft(*value),
            Some(InvDelta::ByLevel(values)) => Sharpness::Soft(values[i]),
        }
    }

    /// The views of each group of the student's; view 0 is the teacher's.
    #[must_use]
    pub fn groups(&self) -> Vec<std::ops::Range<usize>> {
        let mut first = 1;
        let counts = self.num_crops.iter();
        counts
            .map(|&count| {
                first += count;
                first - count..first
            })
            .collect()
    }

    fn check(&self) -> Result<(), Fault> {
        let refused = |message: String| Err(Fault::config(message));
        for (n, level) in self.bow_levels.iter().enumerate() {
            if self.bow_levels[..n].contains(level) {
                return refused(format!("`bow_levels`: {level} is listed twice"));
            }
        }
        let levels = self.bow_levels.len();
        match (&self.inv_delta, self.num_crops.get(1)) {
            (Some(InvDelta::ByLevel(values)), _) if values.len() != levels => refused(format!(
                "`inv_delta`: expected one number for each of {levels} levels, found {}",
                values.len()
            )),
            (_, Some(&patches)) if patches > CELLS => refused(format!(
                "`num_crops`: expected at most {CELLS} patches, found {patches}"
            )),
            _ => Ok(()),
        }
    }
}
