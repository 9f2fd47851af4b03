//! Seeded random numbers that do not depend on what was drawn elsewhere.
//!
//! Every stream is a ChaCha8 key stream whose key is made of the run's seed, a purpose, an epoch and a step, so a
//! resumed run draws what an uninterrupted one would have drawn, and the same numbers on every device.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A deterministic stream of random numbers.
///
/// Numbers are drawn on the CPU and then moved, so the device does not change them.
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
    purpose: u64,
    stream: ChaCha8Rng,
}

impl Random {
    /// The stream of `purpose` under `seed`; streams of different purposes are independent.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let purpose = fingerprint(purpose);
        Self {
            seed,
            purpose,
            stream: keyed(seed, purpose, 0, 0),
        }
    }

    /// The stream of the same seed and purpose for one step, whatever this one has drawn so far.
    ///
    /// Differs from the stream of [`Random::new`] for every `epoch` and `step`.
    #[must_use]
    pub fn at(&self, epoch: u64, step: u64) -> Self {
        Self {
            seed: self.seed,
            purpose: self.purpose,
            stream: keyed(
                self.seed,
                self.purpose,
                epoch.wrapping_add(1),
                step.wrapping_add(1),
            ),
        }
    }

    /// Values from the uniform distribution over `[low, high)`, in float32.
    #[must_use]
    pub fn uniform<const D: usize>(
        &mut self,
        shape: [usize; D],
        low: f32,
        high: f32,
        device: &Device,
    ) -> Tensor<D> {
        self.fill(shape, device, |stream| {
            low + (high - low) * stream.random::<f32>()
        })
    }

    /// Values from the normal distribution, in float32.
    #[must_use]
    pub fn normal<const D: usize>(
        &mut self,
        shape: [usize; D],
        mean: f32,
        std: f32,
        device: &Device,
    ) -> Tensor<D> {
        self.fill(shape, device, |stream| {
            mean + std * stream.sample::<f32, _>(StandardNormal)
        })
    }

    /// Values from the normal distribution of mean 0, those further than `limit` from 0 drawn again, in float32.
    ///
    /// `limit` is absolute (not in units of `std`) and must be positive; the spread is not corrected for the cut.
    #[must_use]
    pub fn truncated_normal<const D: usize>(
        &mut self,
        shape: [usize; D],
        std: f32,
        limit: f32,
        device: &Device,
    ) -> Tensor<D> {
        let limit = limit.abs().max(f32::MIN_POSITIVE);
        let std = std.min(1e3 * limit);
        self.fill(shape, device, |stream| {
            loop {
                let value = std * stream.sample::<f32, _>(StandardNormal);
                if value.abs() <= limit {
                    return value;
                }
            }
        })
    }

    /// A whole number below `n`, all equally likely; 0 if `n` is 0.
    pub fn index(&mut self, n: usize) -> usize {
        if n == 0 {
            0
        } else {
            self.stream.random_range(0..n)
        }
    }

    /// The numbers `0 … n-1` in random order.
    #[must_use]
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        self.sample(n, n)
    }

    /// `count` different numbers below `n` in random order; all of them if `count > n`.
    #[must_use]
    pub fn sample(&mut self, n: usize, count: usize) -> Vec<usize> {
        let count = count.min(n);
        let mut items: Vec<usize> = (0..n).collect();
        for i in 0..count {
            let j = i + self.index(n - i);
            items.swap(i, j);
        }
        items.truncate(count);
        items
    }

    fn fill<const D: usize>(
        &mut self,
        shape: [usize; D],
        device: &Device,
        mut draw: impl FnMut(&mut ChaCha8Rng) -> f32,
    ) -> Tensor<D> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| draw(&mut self.stream)).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

fn keyed(seed: u64, purpose: u64, epoch: u64, step: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, purpose, epoch, step]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// FNV-1a, 64 bits: stable over versions, unlike the standard library's hasher.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::{cpu, values};

    fn draw(mut random: Random) -> Vec<usize> {
        (0..8).map(|_| random.index(1 << 40)).collect()
    }

    #[test]
    fn same_key_same_numbers_and_any_other_key_others() {
        let random = Random::new(7, "queue");
        assert_eq!(draw(random.clone()), draw(Random::new(7, "queue")));
        let others = [
            Random::new(8, "queue"),
            Random::new(7, "heads"),
            random.at(0, 0),
            random.at(0, 1),
            random.at(1, 0),
        ];
        let mut seen = vec![draw(random)];
        for other in others {
            let numbers = draw(other);
            assert!(!seen.contains(&numbers));
            seen.push(numbers);
        }
    }

    #[test]
    fn a_step_does_not_depend_on_earlier_draws() {
        let fresh = Random::new(3, "words");
        let mut used = fresh.clone();
        let _ = used.permutation(100);
        assert_eq!(draw(fresh.at(2, 5)), draw(used.at(2, 5)));
    }

    #[test]
    fn distributions_have_their_moments_and_limits() {
        let device = cpu();
        let mut random = Random::new(1, "moments");
        let n = 40_000;
        let moments = |x: Tensor<1>| {
            let values = values(x);
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n as f64;
            let var = values
                .iter()
                .map(|v| (f64::from(*v) - mean).powi(2))
                .sum::<f64>()
                / n as f64;
            let largest = values.iter().fold(0.0_f32, |a, v| a.max(v.abs()));
            (mean, var.sqrt(), largest)
        };
        let (mean, std, largest) = moments(random.uniform([n], -1.0, 3.0, &device));
        assert!(
            (mean - 1.0).abs() < 0.02 && (std - 4.0 / 12_f64.sqrt()).abs() < 0.02 && largest < 3.0
        );
        let (mean, std, _) = moments(random.normal([n], 2.0, 0.5, &device));
        assert!((mean - 2.0).abs() < 0.01 && (std - 0.5).abs() < 0.01);
        // A normal cut at two standard deviations keeps 0.8796 of its spread.
        let (mean, std, largest) = moments(random.truncated_normal([n], 0.5, 1.0, &device));
        assert!(mean.abs() < 0.01 && (std - 0.5 * 0.8796).abs() < 0.005 && largest <= 1.0);
    }

    #[test]
    fn samples_are_distinct_and_reach_everything() {
        let mut random = Random::new(5, "sample");
        let mut hits = [0; 6];
        for _ in 0..600 {
            let mut drawn = random.sample(6, 2);
            for &i in &drawn {
                hits[i] += 1;
            }
            drawn.dedup();
            assert_eq!(drawn.len(), 2);
        }
        assert!(hits.iter().all(|&h| (140..260).contains(&h)), "{hits:?}");
        let mut all = random.permutation(50);
        assert_ne!(all, (0..50).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
    }
}
