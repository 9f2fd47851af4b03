//! Sampling from a table of probabilities in constant time (Walker 1977, Vose 1991).

use rand::{Rng, RngExt};
use statrs::function::gamma::ln_gamma;

/// A distribution over `first..first + len`.
#[derive(Debug)]
pub(super) struct Alias {
    first: u32,
    /// Chance to keep the drawn place, in units of 2^-32, and where to go otherwise.
    places: Vec<(u32, u32)>,
}

impl Alias {
    /// From weights, which need not sum to 1.
    pub(super) fn new(first: u32, weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut scaled: Vec<f64> = weights
            .iter()
            .map(|weight| weight / total * weights.len() as f64)
            .collect();
        let mut places: Vec<(u32, u32)> = (0..weights.len() as u32)
            .map(|place| (u32::MAX, place))
            .collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|&place| scaled[place] < 1.0);
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            places[low] = ((scaled[low] * f64::from(u32::MAX)) as u32, high as u32);
            scaled[high] -= 1.0 - scaled[low];
            if scaled[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        Self { first, places }
    }

    /// The Poisson distribution, cut off where less than 1e-20 remains.
    pub(super) fn poisson(mean: f64) -> Self {
        let reach = 10.0 * mean.sqrt() + 20.0;
        let (low, high) = ((mean - reach).max(0.0).floor(), (mean + reach).ceil());
        let log = |k: f64| k * mean.ln() - mean - ln_gamma(k + 1.0);
        let weights: Vec<f64> = (low as u32..=high as u32)
            .map(|k| log(f64::from(k)).exp())
            .collect();
        Self::new(low as u32, &weights)
    }

    /// One draw.
    pub(super) fn draw(&self, random: &mut impl Rng) -> u32 {
        let bits: u64 = random.random();
        let place = ((bits >> 32) * self.places.len() as u64) >> 32;
        let (keep, other) = self.places[place as usize];
        self.first
            + if (bits as u32) < keep {
                place as u32
            } else {
                other
            }
    }
}
