//! Bootstrap intervals of coefficients: frameworks drawn with replacement.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::resample::percentile_interval;

/// Frameworks that were drawn with replacement.
pub(super) struct Resample {
    /// Accuracies on both sides.
    pub(super) points: Vec<(f64, f64)>,
    /// Their places on each side among the distinct accuracies, from 0 for the lowest: order and ties as of the points.
    pub(super) places: [Vec<u32>; 2],
}

/// A number computed from a resample, undefined on some.
type Statistic<'a> = &'a dyn Fn(&Resample) -> Option<f64>;

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
    let places = [places(points, |it| it.0), places(points, |it| it.1)];
    let mut resample = Resample {
        points: points.to_vec(),
        places: places.clone(),
    };
    for _ in 0..draws {
        for place in 0..points.len() {
            let from = random.random_range(0..points.len());
            resample.points[place] = points[from];
            for (drawn, all) in resample.places.iter_mut().zip(&places) {
                drawn[place] = all[from];
            }
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

fn places(points: &[(f64, f64)], side: fn(&(f64, f64)) -> f64) -> Vec<u32> {
    let values: Vec<f64> = points.iter().map(side).collect();
    let mut distinct = values.clone();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    let place = |value: &f64| distinct.partition_point(|other| other < value) as u32;
    values.iter().map(place).collect()
}
