//! OBoW's configuration.

use crate::bags::{Pool, Sharpness};
use crate::schema;
use serde::{Deserialize, Serialize};
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::api::description::{Level, MomentumSchedule, Schema};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::momentum;

/// Cells of the grid that patches are taken from.
const CELLS: usize = 9;

/// `inv_delta`: one number, or one for each level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InvDelta {
    /// The same for all levels.
    All(f64),
    /// One for each level.
    ByLevel(Vec<f64>),
}

/// What enters the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Drawn anew for each image and level.
    Uniform,
    /// `(index + step) mod positions`.
    Indexed,
}

/// OBoW's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObowConfig {
    /// Stages of the teacher whose maps give words.
    pub bow_levels: Vec<String>,
    /// The student's crops, and patches.
    pub num_crops: Vec<usize>,
    /// Words of each vocabulary.
    pub num_words: usize,
    /// Sharpness of the codes; `None` for the nearest word alone.
    pub inv_delta: Option<InvDelta>,
    /// Factor on the logits.
    pub kappa: f64,
    /// Whether κ is trained.
    pub learn_kappa: bool,
    /// How the codes of all positions become one bag.
    pub bow_pool: Pool,
    /// What enters the vocabulary.
    pub update_type: Update,
    /// Weight of the old mean least distance in the new one.
    pub min_distance_decay: f64,
    /// Which position enters the vocabulary.
    pub location_sampling: Sampling,
    /// Momentum of the teacher at the start.
    pub momentum: f64,
    /// `cosine` or `constant`.
    pub momentum_schedule: String,
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

    /// The schedule of the teacher's momentum.
    ///
    /// The authors average in the step, before the teacher's pass, with the student as the last
    /// optimiser step left it: what a host does after that optimiser step with the momentum of the
    /// step that follows.
    #[must_use]
    pub fn momentum(&self) -> MomentumSchedule {
        momentum(&self.momentum_schedule, self.momentum, 1)
    }
}

impl Config for ObowConfig {
    fn schema() -> Schema {
        schema::schema()
    }

    fn check(&self) -> Result<(), Fault> {
        for (n, level) in self.bow_levels.iter().enumerate() {
            if self.bow_levels[..n].contains(level) {
                return Err(Fault::config(format!(
                    "`bow_levels`: {level} is listed twice"
                )));
            }
        }
        if let Some(InvDelta::ByLevel(values)) = &self.inv_delta
            && values.len() != self.bow_levels.len()
        {
            return Err(Fault::config(format!(
                "`inv_delta`: expected one number for each of {} levels, found {}",
                self.bow_levels.len(),
                values.len()
            )));
        }
        match self.num_crops.get(1) {
            Some(&patches) if patches > CELLS => Err(Fault::config(format!(
                "`num_crops`: expected at most {CELLS} patches, found {patches}"
            ))),
            _ => Ok(()),
        }
    }
}
