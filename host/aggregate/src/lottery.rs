//! How much of a win is the choice of data sets.

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
    for subset in &subsets {
        let keys: Vec<Key> = (0..exact.rows.len())
            .map(|row| exact.key(aggregate, row, subset))
            .collect();
        let best = keys
            .iter()
            .fold(&keys[0], |best, key| if key > best { key } else { best });
        let winners: Vec<usize> = (0..keys.len()).filter(|&row| keys[row] == *best).collect();
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
