//! Which position of each image's map enters the vocabulary.

use crate::config::Sampling;
use ssl_plugin_kit::prelude::*;

/// Where positions come from, and this rank's place among the images of a step.
pub(crate) struct Locations {
    pub(crate) sampling: Sampling,
    /// The run's stream for this purpose, the same on every rank.
    pub(crate) random: Random,
    pub(crate) world_size: usize,
    pub(crate) rank: usize,
}

impl Locations {
    /// A position below `positions` for each image, `[batch]`.
    ///
    /// Drawn ones are drawn for the images of all ranks, so that a batch gives the same words however
    /// it is spread over ranks.
    pub(crate) fn of(
        &self,
        at: &TrainStep,
        level: usize,
        indices: &[i64],
        positions: usize,
        device: &Device,
    ) -> Tensor<1, Int> {
        let chosen: Vec<i64> = match self.sampling {
            Sampling::Indexed => indices
                .iter()
                .map(|&index| (index + at.step as i64).rem_euclid(positions as i64))
                .collect(),
            Sampling::Uniform => {
                let batch = indices.len();
                let mut random = self.random.at(at.step, level as u64);
                let mut all = (0..batch * self.world_size).map(|_| random.index(positions) as i64);
                all.by_ref().skip(batch * self.rank).take(batch).collect()
            }
        };
        Tensor::from_data(chosen.as_slice(), device)
    }
}
