//! How much of a win is the choice of data sets.

use std::cmp::Ordering;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::exact::{ExactPool, Key};
use super::{Aggregate, Table};

/// Pools up to this size are enumerated; of larger ones as many subsets are drawn.
const ENUMERATED: usize = 14;

/// Who wins how many of the non-empty subsets of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct WinnerShare {
    /// How winners were found.
    pub aggregate: Aggregate,
    /// Subsets won by each framework, a tie split evenly; `None` for a row with a missing cell in the pool.
    pub wins: Vec<Option<f64>>,
    /// Number of subsets evaluated.
    pub subsets: usize,
    /// Whether they are a random draw instead of all.
    pub sampled: bool,
}

impl WinnerShare {
    /// The lottery index: Shannon entropy of the shares, in bits. 0 if one framework always wins.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        let shares = self
            .wins
            .iter()
            .flatten()
            .map(|wins| wins / self.subsets as f64);
        let entropy: f64 = shares
            .filter(|share| *share > 0.0)
            .map(|share| -share * share.log2())
            .sum();
        entropy.max(0.0)
    }
}

/// Winner share by an aggregate, with exact ties.
///
/// Pools of more than 14 data sets are represented by 2^14 subsets drawn with `seed`. `None` for an empty pool or no
/// complete row.
#[must_use]
pub fn winner_share(
    table: &Table,
    pool: &[usize],
    aggregate: Aggregate,
    seed: u64,
) -> Option<WinnerShare> {
    let exact = ExactPool::new(table, pool);
    if exact.rows.is_empty() || pool.is_empty() {
        return None;
    }
    let mut wins = vec![0.0; exact.rows.len()];
    let subsets = subsets(pool.len(), seed);
    let mut race = Race::new(&exact, aggregate, pool.len());
    for subset in &subsets {
        let winners = race.winners(subset);
        for &row in &winners {
            wins[row] += 1.0 / winners.len() as f64;
        }
    }
    let mut all = vec![None; table.frameworks().len()];
    for (&row, wins) in exact.rows.iter().zip(wins) {
        all[row] = Some(wins);
    }
    Some(WinnerShare {
        aggregate,
        wins: all,
        subsets: subsets.len(),
        sampled: pool.len() > ENUMERATED,
    })
}

/// Far more than the rounding of a sum of terms of one sign, relative to the sum.
const OPEN: f64 = 1e-9;

/// Finds the winners of many subsets. Rounded sums decide nearly always; exact keys decide between rows whose sums are
/// as good as equal.
struct Race<'a> {
    exact: &'a ExactPool,
    aggregate: Aggregate,
    /// `[column][row]`
    terms: Vec<Vec<f64>>,
    sums: Vec<f64>,
}

impl<'a> Race<'a> {
    fn new(exact: &'a ExactPool, aggregate: Aggregate, columns: usize) -> Self {
        let rows = exact.rows.len();
        let of_column = |column: usize| {
            let rows = 0..rows;
            rows.map(|row| exact.rounded_term(aggregate, row, column))
                .collect()
        };
        Self {
            exact,
            aggregate,
            terms: (0..columns).map(of_column).collect(),
            sums: vec![0.0; rows],
        }
    }

    /// Complete rows that no other beats over the columns `subset`.
    fn winners(&mut self, subset: &[usize]) -> Vec<usize> {
        self.sums.fill(0.0);
        for &column in subset {
            for (sum, term) in self.sums.iter_mut().zip(&self.terms[column]) {
                *sum += term;
            }
        }
        let best = self.sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let limit = best - OPEN * (subset.len() as f64 + best.abs());
        let near = (0..self.sums.len()).filter(|&row| self.sums[row] >= limit);
        let near: Vec<usize> = near.collect();
        if near.len() == 1 {
            return near;
        }
        let key = |&row: &usize| (row, self.exact.key(self.aggregate, row, subset));
        let mut first: Vec<(usize, Key)> = Vec::new();
        for (row, key) in near.iter().map(key) {
            match first.first().and_then(|(_, best)| key.partial_cmp(best)) {
                Some(Ordering::Less) => {}
                Some(Ordering::Equal) => first.push((row, key)),
                Some(Ordering::Greater) | None => first = vec![(row, key)],
            }
        }
        first.into_iter().map(|(row, _)| row).collect()
    }
}

fn subsets(size: usize, seed: u64) -> Vec<Vec<usize>> {
    if size <= ENUMERATED {
        let members = |mask: u32| (0..size).filter(|&set| mask & (1 << set) != 0).collect();
        return (1..1u32 << size).map(members).collect();
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = Vec::with_capacity(1 << ENUMERATED);
    while drawn.len() < 1 << ENUMERATED {
        let subset: Vec<usize> = (0..size).filter(|_| random.random::<bool>()).collect();
        if !subset.is_empty() {
            drawn.push(subset);
        }
    }
    drawn
}
