//! Which samples come when.

use std::sync::Arc;

use super::LoaderConfig;
use crate::random::{Domain, Stream};

/// The samples of an epoch in order, over all ranks.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub samples: Arc<Vec<u32>>,
    /// How often each has occurred before, where any occurs twice.
    pub occurrences: Option<Arc<Vec<u16>>>,
}

impl Order {
    /// `0 .. count`, shuffled with the epoch's own permutation when asked.
    pub fn of_epoch(count: usize, seed: u64, epoch: u32, shuffle: bool) -> Self {
        let mut samples: Vec<u32> = (0..count as u32).collect();
        if shuffle {
            Stream::new(seed, Domain::Order, epoch, 0, 0).shuffle(&mut samples);
        }
        Self {
            samples: Arc::new(samples),
            occurrences: None,
        }
    }

    /// An order given from outside; samples may repeat.
    pub fn explicit(samples: Vec<u32>, count: usize) -> Self {
        let mut seen = vec![0_u16; count];
        let occurrences: Vec<u16> = samples
            .iter()
            .map(|&s| {
                let before = seen[s as usize];
                seen[s as usize] = before.saturating_add(1);
                before
            })
            .collect();
        Self {
            samples: Arc::new(samples),
            occurrences: occurrences
                .iter()
                .any(|&o| o > 0)
                .then(|| Arc::new(occurrences)),
        }
    }

    /// Number of batches.
    pub fn batches(&self, config: &LoaderConfig) -> usize {
        let global = config.global_batch();
        if config.drop_last {
            self.samples.len() / global
        } else {
            self.samples.len().div_ceil(global)
        }
    }

    /// Places in the order that this rank takes in batch `number`: ranks take consecutive parts of
    /// the global batch; an incomplete one is split as evenly as possible, every sample once.
    pub fn places(&self, number: usize, config: &LoaderConfig) -> std::ops::Range<usize> {
        let start = number * config.global_batch();
        let count = config.global_batch().min(self.samples.len() - start);
        let edge = |rank: usize| start + count * rank / config.world;
        edge(config.rank)..edge(config.rank + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(batch_size: usize, rank: usize, world: usize, drop_last: bool) -> LoaderConfig {
        LoaderConfig {
            batch_size,
            rank,
            world,
            drop_last,
            ..LoaderConfig::default()
        }
    }

    #[test]
    fn ranks_share_every_sample_exactly_once() {
        let order = Order::of_epoch(23, 5, 1, true);
        let mut seen = vec![0; 23];
        for rank in 0..3 {
            let config = config(4, rank, 3, false);
            assert_eq!(order.batches(&config), 2);
            for number in 0..2 {
                for place in order.places(number, &config) {
                    seen[order.samples[place] as usize] += 1;
                }
            }
        }
        assert_eq!(seen, vec![1; 23]);
    }

    #[test]
    fn full_batches_have_the_asked_size_on_every_rank() {
        let order = Order::of_epoch(25, 5, 1, true);
        for rank in 0..3 {
            let config = config(4, rank, 3, true);
            assert_eq!(order.batches(&config), 2);
            assert_eq!(order.places(1, &config), 12 + 4 * rank..16 + 4 * rank);
        }
    }

    #[test]
    fn epochs_have_their_own_permutation() {
        let first = Order::of_epoch(50, 5, 0, true);
        let second = Order::of_epoch(50, 5, 1, true);
        assert_ne!(first.samples, second.samples);
        assert_eq!(first.samples, Order::of_epoch(50, 5, 0, true).samples);
    }

    #[test]
    fn repeats_are_counted() {
        let order = Order::explicit(vec![2, 0, 2, 2], 3);
        assert_eq!(order.occurrences.as_deref(), Some(&vec![0, 0, 1, 2]));
        assert_eq!(Order::explicit(vec![1, 0], 3).occurrences, None);
    }
}
