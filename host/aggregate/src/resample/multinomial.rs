//! Redrawing `n` images with replacement, by how often each joint outcome occurs.
//!
//! Drawing image by image would cost `n` steps. Instead each pattern's count is drawn as an independent Poisson number
//! with a mean slightly below the observed count, and the missing images are added one by one. Given their sum, Poisson
//! counts are multinomial, so the result is exactly what drawing `n` images gives.

use std::collections::HashMap;

use rand::Rng;

use super::alias::Alias;

/// Standard deviations by which the Poisson total is kept below `n`.
const MARGIN: f64 = 4.0;

/// Sampler of how often each pattern occurs on one redrawn test set.
#[derive(Debug)]
pub(super) struct Multinomial {
    images: u32,
    /// For each pattern the index of its table in `poisson`.
    table: Vec<usize>,
    poisson: Vec<Alias>,
    one: Alias,
}

impl Multinomial {
    /// Prepares the sampler for patterns that occur this often; there is one at least.
    pub(super) fn new(patterns: &[u32]) -> Self {
        let images: u32 = patterns.iter().sum();
        let share = (1.0 - MARGIN / f64::from(images).sqrt()).max(0.0);
        let mut known: HashMap<u32, usize> = HashMap::new();
        let mut poisson = Vec::new();
        let mut table = Vec::with_capacity(patterns.len());
        if share > 0.0 {
            for &count in patterns {
                let index = *known.entry(count).or_insert_with(|| {
                    poisson.push(Alias::poisson(f64::from(count) * share));
                    poisson.len() - 1
                });
                table.push(index);
            }
        }
        let weights: Vec<f64> = patterns.iter().map(|&count| f64::from(count)).collect();
        Self {
            images,
            table,
            poisson,
            one: Alias::new(0, &weights),
        }
    }

    /// Redraws the images and counts each pattern.
    pub(super) fn draw(&self, random: &mut impl Rng, counts: &mut [u32]) {
        let total = loop {
            counts.fill(0);
            let mut total = 0;
            for (count, &table) in counts.iter_mut().zip(&self.table) {
                *count = self.poisson[table].draw(random);
                total += *count;
            }
            if total <= self.images {
                break total;
            }
        };
        for _ in total..self.images {
            counts[self.one.draw(random) as usize] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn moments_are_those_of_a_multinomial() {
        // Two frameworks on 1000 images: 500 both right, 200 only the first, 100 only the second.
        let sampler = Multinomial::new(&[200, 200, 100, 500]);
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let draws = 20_000;
        let (mut sums, mut squares, mut product) = ([0.0; 2], [0.0; 2], 0.0);
        let mut counts = [0; 4];
        for _ in 0..draws {
            sampler.draw(&mut random, &mut counts);
            let values = [counts[1] + counts[3], counts[2] + counts[3]].map(f64::from);
            for side in 0..2 {
                sums[side] += values[side];
                squares[side] += values[side] * values[side];
            }
            product += values[0] * values[1];
        }
        let n = f64::from(draws);
        let mean = sums.map(|sum| sum / n);
        let variance = |side: usize| squares[side] / n - mean[side] * mean[side];
        // Means 700 and 600, variances n p (1 - p) = 210 and 240, covariance n (0.5 - 0.42) = 80.
        assert!(
            (mean[0] - 700.0).abs() < 0.5 && (mean[1] - 600.0).abs() < 0.5,
            "{mean:?}"
        );
        assert!((variance(0) - 210.0).abs() < 10.0 && (variance(1) - 240.0).abs() < 11.0);
        assert!((product / n - mean[0] * mean[1] - 80.0).abs() < 8.0);
    }

    #[test]
    fn multinomial_draws_of_few_images_follow_their_distribution() {
        let sampler = Multinomial::new(&[1, 3]);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut seen = [0u32; 5];
        for _ in 0..40_000 {
            let mut counts = [0; 2];
            sampler.draw(&mut random, &mut counts);
            seen[counts[1] as usize] += 1;
        }
        // Binomial(4, 3/4): 1, 12, 54, 108, 81 of 256.
        for (found, expected) in seen.iter().zip([1.0, 12.0, 54.0, 108.0, 81.0]) {
            let expected = expected / 256.0 * 40_000.0;
            assert!(
                (f64::from(*found) - expected).abs() < 5.0 * f64::sqrt(expected),
                "{seen:?}"
            );
        }
    }
}
