//! All pairs of frameworks by one aggregate: who is ahead, and whether images and runs could undo it.

use super::distribution::{normal_cdf, normal_critical};
use super::uncertainty::ratio;
use super::{
    Interactions, RunError, Scores, Table, holm, rank_sets, repeated_p, standard_error,
    standard_error_of_shared_images,
};

/// Where the error that comes from the images is known from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Images<'a> {
    /// Counts alone: by the delta method, frameworks and data sets independent.
    Counts,
    /// Joint redraws: `[row][draw]` of the aggregate with runs as observed; empty for a row without one.
    Drawn(&'a [Vec<f64>]),
}

/// One pair by an aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// Row of the first framework.
    pub first: usize,
    /// Row of the second framework, below the first in the table.
    pub second: usize,
    /// Aggregate of the first minus that of the second; 0 for an exact tie.
    pub difference: f64,
    /// Standard error of the difference, in points.
    pub standard_error: f64,
    /// What it would be if data sets of the same images were correlated in full; `None` where redraws know how far they
    /// are, or no data sets share images.
    pub shared_images_error: Option<f64>,
    /// Two-sided p value with the larger of the two errors.
    pub p: f64,
    /// The p value after Holm's correction over all pairs.
    pub holm: f64,
}

/// All pairs by one aggregate over one pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparisons {
    /// Level below which a p value counts as significant.
    pub alpha: f64,
    /// Pairs in table order.
    pub pairs: Vec<Gap>,
    /// Squared error from the choice of runs, by row.
    pub runs: Vec<RunError>,
}

/// The distance between the first and the second place.
#[derive(Debug, Clone, PartialEq)]
pub struct Lead {
    /// Row on the first place; the topmost of several.
    pub leader: usize,
    /// Row on the second place, or another one on the first.
    pub runner_up: usize,
    /// Difference of their aggregates, in points, not negative.
    pub gap: f64,
    /// Standard error of the gap.
    pub standard_error: f64,
    /// `gap / standard_error`.
    pub z: f64,
    /// z if data sets of the same images were correlated in full, where that is not known.
    pub z_shared_images: Option<f64>,
    /// Two-sided p value by the smaller z.
    pub p: f64,
    /// `Φ(z)`, which is no probability of staying first: it looks at one rival.
    pub stays_ahead: f64,
    /// Standard deviation between runs, in points, from which on the lead is not significant; `None` where runs are
    /// known for both, or where the lead is not significant as it is.
    pub break_even: Option<f64>,
}

impl Comparisons {
    /// Whether two rows differ at `alpha`, unadjusted.
    #[must_use]
    pub fn differ(&self, a: usize, b: usize) -> bool {
        self.pair(a, b).is_some_and(|gap| gap.p < self.alpha)
    }

    /// Whether two rows differ at `alpha` after Holm's correction.
    #[must_use]
    pub fn differ_after_holm(&self, a: usize, b: usize) -> bool {
        self.pair(a, b).is_some_and(|gap| gap.holm < self.alpha)
    }

    /// One pair, in either order.
    #[must_use]
    pub fn pair(&self, a: usize, b: usize) -> Option<&Gap> {
        let wanted = (a.min(b), a.max(b));
        let found = self
            .pairs
            .binary_search_by_key(&wanted, |gap| (gap.first, gap.second));
        found.ok().map(|place| &self.pairs[place])
    }

    /// Best and worst rank that the differences after Holm's correction leave, of `count` rows.
    #[must_use]
    pub fn rank_sets(&self, count: usize) -> Vec<Option<(u32, u32)>> {
        let pairs = self.pairs.iter().map(|gap| {
            let differ = gap.holm < self.alpha;
            (gap.first, gap.second, gap.difference, differ)
        });
        rank_sets(count, pairs)
    }

    /// The first place over the second. `None` without two values.
    #[must_use]
    pub fn lead(&self, scores: &Scores) -> Option<Lead> {
        let order = scores.order();
        let (&leader, &runner_up) = (order.first()?, order.get(1)?);
        let pair = self.pair(leader, runner_up)?;
        let gap = pair.difference.abs();
        let z = ratio(gap, pair.standard_error);
        Some(Lead {
            leader,
            runner_up,
            gap,
            standard_error: pair.standard_error,
            z,
            z_shared_images: pair.shared_images_error.map(|error| ratio(gap, error)),
            p: pair.p,
            stays_ahead: normal_cdf(z),
            break_even: self.break_even(pair),
        })
    }

    /// The deviation between runs that would make a gap insignificant, the same for both sides: with one run each,
    /// `sqrt(((gap/z)² - se²) / 2)`.
    fn break_even(&self, pair: &Gap) -> Option<f64> {
        let unknown = [pair.first, pair.second]
            .iter()
            .filter(|&&row| self.runs[row].df == 0)
            .count();
        let error = pair.shared_images_error.unwrap_or(pair.standard_error);
        let largest = pair.difference.abs() / normal_critical(1.0 - self.alpha);
        let left = largest * largest - error * error;
        (unknown > 0 && pair.p < self.alpha && left > 0.0).then(|| (left / unknown as f64).sqrt())
    }
}

/// Compares all pairs that have a value. `None` where an error is not defined, as for the mean rank.
pub(super) fn compare(
    table: &Table,
    pool: &[usize],
    scores: &Scores,
    interactions: &Interactions,
    images: Images<'_>,
    alpha: f64,
) -> Option<Comparisons> {
    let rows: Vec<usize> = (0..scores.values.len())
        .filter(|&row| scores.values[row].is_some())
        .collect();
    let kind = scores.aggregate;
    let runs: Vec<RunError> = (0..scores.values.len())
        .map(|row| interactions.of(table, pool, kind, row))
        .collect();
    let shares = pool.iter().any(|&set| {
        let same = table.same_images(set);
        same.iter()
            .any(|other| *other != set && pool.contains(other))
    });
    let errors = match images {
        Images::Drawn(_) => None,
        Images::Counts => {
            let by = |error: fn(&Table, &[usize], _, usize) -> Option<f64>| {
                let error = |&row: &usize| Some((row, error(table, pool, kind, row)?));
                let known = rows.iter().map(error).collect::<Option<Vec<_>>>()?;
                let mut all = vec![0.0; scores.values.len()];
                known.into_iter().for_each(|(row, error)| all[row] = error);
                Some(all)
            };
            Some((by(standard_error)?, by(standard_error_of_shared_images)?))
        }
    };
    let mut pairs = Vec::new();
    for (place, &first) in rows.iter().enumerate() {
        for &second in &rows[place + 1..] {
            let difference = if scores.ranks[first] == scores.ranks[second] {
                0.0
            } else {
                scores.values[first]? - scores.values[second]?
            };
            let (own, shared) = match (images, &errors) {
                (Images::Drawn(drawn), _) => (variance(&drawn[first], &drawn[second]), None),
                (Images::Counts, Some((own, shared))) => {
                    let sum = |errors: &[f64]| errors[first].powi(2) + errors[second].powi(2);
                    (sum(own), shares.then(|| sum(shared)))
                }
                (Images::Counts, None) => return None,
            };
            let of_runs = runs[first].variance + runs[second].variance;
            let largest = shared.map_or(own, |shared| shared.max(own));
            pairs.push(Gap {
                first,
                second,
                difference,
                standard_error: (own + of_runs).sqrt(),
                shared_images_error: shared.map(|shared| (shared + of_runs).sqrt()),
                p: repeated_p(difference, largest, [runs[first], runs[second]]),
                holm: 1.0,
            });
        }
    }
    let p: Vec<f64> = pairs.iter().map(|gap| gap.p).collect();
    for (gap, holm) in pairs.iter_mut().zip(holm(&p)) {
        gap.holm = holm;
    }
    Some(Comparisons { alpha, pairs, runs })
}

/// Variance of the difference of two rows over the draws.
fn variance(first: &[f64], second: &[f64]) -> f64 {
    let n = first.len() as f64;
    let differences = || first.iter().zip(second).map(|(a, b)| a - b);
    let mean = differences().sum::<f64>() / n;
    let squares: f64 = differences().map(|d| (d - mean).powi(2)).sum();
    squares / (n - 1.0).max(1.0)
}
