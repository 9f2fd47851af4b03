//! The Bayesian signed-rank test: is one framework better than another over data sets, worse, or as good?

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma};

use super::Table;

/// Data sets from which on the test is made.
const FEWEST: usize = 3;

/// Weight of the prior's one pseudo-observation, a difference of 0.
const PRIOR: f64 = 0.5;

/// Differences closer than this, in points, to the edge of the region lie on it.
const EDGE: f64 = 1e-9;

/// Posterior probabilities that sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// That the first is better by more than the region.
    pub better: f64,
    /// That they are practically equivalent.
    pub equivalent: f64,
    /// That the first is worse by more than the region.
    pub worse: f64,
}

/// Compares two rows over the columns `pool` that have both, with a region of practical equivalence of ± `rope` points.
///
/// The differences get weights `w` from a Dirichlet process (prior weight 0.5 on a difference of 0). In each of `draws`
/// draws the weight `w_i w_j` of each pair of differences goes to the side on which its mean lies: above `rope`, below
/// `-rope`, or between; on the edge half to each. The probabilities are the shares of draws in which each side weighs most
/// (Benavoli, Mangili, Corani, Zaffalon, Ruggeri 2014). `None` below three data sets.
#[must_use]
pub fn signed_rank(
    table: &Table,
    pool: &[usize],
    (first, second): (usize, usize),
    rope: f64,
    draws: usize,
    seed: u64,
) -> Option<SignedRank> {
    let difference = |&set: &usize| {
        let (a, b) = (table.cell(first, set)?, table.cell(second, set)?);
        Some(if a == b {
            0.0
        } else {
            a.percent() - b.percent()
        })
    };
    let differences: Vec<f64> = pool.iter().filter_map(difference).collect();
    if differences.len() < FEWEST || draws == 0 {
        return None;
    }
    let mut points: Vec<(f64, bool)> = differences.into_iter().map(|it| (it, false)).collect();
    points.push((0.0, true));
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let sums = Sums::new(&points, rope);
    let prior = Gamma::new(PRIOR, 1.0).ok()?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = vec![0.0; points.len()];
    let mut most = [0usize; 3];
    for _ in 0..draws {
        for (weight, (_, pseudo)) in weights.iter_mut().zip(&points) {
            *weight = if *pseudo {
                prior.sample(&mut random)
            } else {
                Exp1.sample(&mut random)
            };
        }
        let sides = sums.sides(&weights);
        let heaviest = (0..3).max_by(|&a, &b| sides[a].total_cmp(&sides[b]));
        most[heaviest.unwrap_or(1)] += 1;
    }
    let [better, equivalent, worse] = most.map(|count| count as f64 / draws as f64);
    Some(SignedRank {
        better,
        equivalent,
        worse,
    })
}

/// For each of the sorted points, which others give a sum above or below the region with it.
struct Sums {
    /// Others from the first place on lie above, those between the two places on the edge.
    above: Vec<(usize, usize)>,
    /// Others before the first place lie below, those between the two places on the edge.
    below: Vec<(usize, usize)>,
}

impl Sums {
    fn new(points: &[(f64, bool)], rope: f64) -> Self {
        let places = |limit: f64| {
            let place = |(own, _): &(f64, bool)| {
                let before = |edge: f64| points.partition_point(|(other, _)| own + other < edge);
                (before(limit - EDGE), before(limit + EDGE))
            };
            points.iter().map(place).collect::<Vec<_>>()
        };
        Self {
            above: places(2.0 * rope),
            below: places(-2.0 * rope),
        }
    }

    /// Weight above, between and below.
    fn sides(&self, weights: &[f64]) -> [f64; 3] {
        let mut before = vec![0.0];
        for weight in weights {
            before.push(before[before.len() - 1] + weight);
        }
        let all = before[weights.len()];
        let (mut above, mut below) = (0.0, 0.0);
        for (place, weight) in weights.iter().enumerate() {
            let ((low, high), (down, up)) = (self.above[place], self.below[place]);
            above += weight * (all - 0.5 * (before[low] + before[high]));
            below += weight * 0.5 * (before[down] + before[up]);
        }
        [above, all * all - above - below, below]
    }
}
