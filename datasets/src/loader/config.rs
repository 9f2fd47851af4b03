//! Settings of a loader.

use serde::{Deserialize, Serialize};

use crate::DataError;

/// Settings of a loader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoaderConfig {
    /// Samples per batch on one rank; at least 1.
    pub batch_size: usize,
    /// Seed of the order and of the views.
    pub seed: u64,
    /// Worker threads; 0 means one per processor.
    pub workers: usize,
    /// Finished batches that may wait; at least 1.
    pub prefetch: usize,
    /// Whether each epoch has its own random order.
    pub shuffle: bool,
    /// Whether an incomplete last batch is left out.
    pub drop_last: bool,
    /// This process among `world`.
    pub rank: usize,
    /// Number of processes that share the epoch.
    pub world: usize,
    /// Whether colour, blur, solarisation and normalisation are only drawn and left to the
    /// consumer, in [`ViewBuffer::later`](super::ViewBuffer::later).
    pub defer_steps: bool,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        Self {
            batch_size: 256,
            seed: 0,
            workers: 0,
            prefetch: 2,
            shuffle: true,
            drop_last: true,
            rank: 0,
            world: 1,
            defer_steps: false,
        }
    }
}

impl LoaderConfig {
    /// Samples per step over all ranks.
    #[must_use]
    pub fn global_batch(&self) -> usize {
        self.batch_size * self.world
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        let fault = if self.batch_size == 0 {
            "expected a batch size of at least 1, found 0".to_owned()
        } else if self.prefetch == 0 {
            "expected prefetch of at least 1, found 0".to_owned()
        } else if self.world == 0 || self.rank >= self.world {
            format!(
                "expected a rank below the world size, found rank {} of {}",
                self.rank, self.world
            )
        } else {
            return Ok(());
        };
        Err(DataError::BadLoader { message: fault })
    }

    pub(super) fn threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
    }
}
