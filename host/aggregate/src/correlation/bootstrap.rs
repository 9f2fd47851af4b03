//! Bootstrap intervals of coefficients: frameworks drawn with replacement.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::resample::percentile_interval;

/// A number computed from `(x, y)` points, undefined on some.
type Statistic<'a> = &'a dyn Fn(&[(f64, f64)]) -> Option<f64>;

/// Percentile intervals of several statistics over the same `draws` resamples of `points`.
///
/// A resample on which a statistic is undefined is left out for it; `None` if that leaves fewer than half.
pub(super) fn intervals<const S: usize>(
    points: &[(f64, f64)],
    statistics: [Statistic<'_>; S],
    draws: usize,
    confidence: f64,
    seed: u64,
) -> [Option<(f64, f64)>; S] {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut values: [Vec<f64>; S] = std::array::from_fn(|_| Vec::with_capacity(draws));
    let mut resample = points.to_vec();
    for _ in 0..draws {
        for point in &mut resample {
            *point = points[random.random_range(0..points.len())];
        }
        for (statistic, values) in statistics.iter().zip(&mut values) {
            values.extend(statistic(&resample));
        }
    }
    values.map(|values| {
        let defined = !values.is_empty() && 2 * values.len() >= draws;
        defined
            .then(|| percentile_interval(values, confidence))
            .flatten()
    })
}
