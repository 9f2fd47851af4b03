//! Whole-number keys that order frameworks as an aggregate does, without rounding.

mod key;
mod powers;

use std::cmp::Reverse;

use num_bigint::BigUint;

use super::{Aggregate, Table, ranks::ranks_among};
pub(super) use key::Key;
use key::Quotient;
use powers::Powers;

/// The table's accuracies over one denominator per data set and one for all, as whole numbers.
#[derive(Debug)]
pub(super) struct ExactPool {
    /// Rows with a cell in every column of the pool.
    pub rows: Vec<usize>,
    /// `[row][column]` accuracy, rounded.
    share: Vec<Vec<f64>>,
    /// `[row][column]` accuracy times the column's denominator.
    by_column: Vec<Vec<BigUint>>,
    /// `[row][column]` accuracy times the common denominator.
    common: Vec<Vec<BigUint>>,
    /// `[row][column]` as `common`, times the column's `n`.
    weighted: Vec<Vec<BigUint>>,
    /// `[column]` number of images.
    n: Vec<u64>,
    /// `[row][column]` twice the average rank among `rows`.
    twice_rank: Vec<Vec<u64>>,
}

impl ExactPool {
    /// Prepares the complete rows of `table` on `pool`.
    pub(super) fn new(table: &Table, pool: &[usize]) -> Self {
        let rows = table.complete_rows(pool);
        let fraction =
            |row: usize, set: usize| table.cell(row, set).map_or((0, 1), |cell| cell.fraction());
        let denominators: Vec<u64> = pool
            .iter()
            .map(|&set| {
                rows.iter().fold(1, |all, &row| {
                    least_common(all, reduced(fraction(row, set)).1)
                })
            })
            .collect();
        let total = denominators.iter().fold(BigUint::from(1u8), |all, &one| {
            let shared = gcd(u64::try_from(&all % one).unwrap_or(0), one);
            all * (one / shared)
        });
        let by_column: Vec<Vec<BigUint>> = rows
            .iter()
            .map(|&row| {
                pool.iter()
                    .zip(&denominators)
                    .map(|(&set, &all)| {
                        let (numerator, denominator) = reduced(fraction(row, set));
                        BigUint::from(numerator) * (all / denominator)
                    })
                    .collect()
            })
            .collect();
        let scale = |row: &Vec<BigUint>, weight: &dyn Fn(usize) -> u64| -> Vec<BigUint> {
            let columns = row.iter().zip(&denominators).enumerate();
            columns
                .map(|(c, (value, &one))| value * (&total / one) * weight(c))
                .collect()
        };
        let common = by_column.iter().map(|row| scale(row, &|_| 1)).collect();
        let n: Vec<u64> = pool.iter().map(|&set| table.data_sets()[set].n).collect();
        let weighted = by_column.iter().map(|row| scale(row, &|c| n[c])).collect();
        let mut twice_rank = vec![Vec::new(); rows.len()];
        for &set in pool {
            for (row, rank) in ranks_among(table, set, &rows).into_iter().enumerate() {
                twice_rank[row].push(rank.map_or(0, |rank| u64::from(rank.twice())));
            }
        }
        let share = |&row: &usize| {
            let shares = pool.iter().map(|&set| fraction(row, set));
            shares.map(|(part, all)| part as f64 / all as f64).collect()
        };
        Self {
            share: rows.iter().map(share).collect(),
            rows,
            by_column,
            common,
            weighted,
            n,
            twice_rank,
        }
    }

    /// Key of the `row`-th complete row over `columns` of the pool.
    pub(super) fn key(&self, aggregate: Aggregate, row: usize, columns: &[usize]) -> Key {
        match aggregate {
            Aggregate::Arithmetic => {
                Key::Whole(columns.iter().map(|&c| &self.common[row][c]).sum())
            }
            Aggregate::Weighted => {
                Key::Whole(columns.iter().map(|&c| &self.weighted[row][c]).sum())
            }
            Aggregate::Geometric => {
                Key::Whole(columns.iter().map(|&c| &self.by_column[row][c]).product())
            }
            Aggregate::WeightedGeometric => Key::Powers(self.powers(row, columns)),
            Aggregate::Harmonic => {
                let values: Vec<_> = columns.iter().map(|&c| &self.common[row][c]).collect();
                Key::Quotient(Quotient::harmonic(&values))
            }
            Aggregate::MeanRank => {
                let sum = columns.iter().map(|&c| self.twice_rank[row][c]).sum();
                Key::Ranks(Reverse(sum))
            }
        }
    }

    /// What a column adds to a number that orders rows as [`key`](Self::key) does, as far as its rounding lets it: the
    /// larger the sum over columns, the better. All terms of an aggregate have one sign.
    pub(super) fn rounded_term(&self, aggregate: Aggregate, row: usize, column: usize) -> f64 {
        let (share, n) = (self.share[row][column], self.n[column] as f64);
        match aggregate {
            Aggregate::Arithmetic => share,
            Aggregate::Weighted => n * share,
            Aggregate::Geometric => share.ln(),
            Aggregate::WeightedGeometric => n * share.ln(),
            Aggregate::Harmonic => -share.recip(),
            Aggregate::MeanRank => -(self.twice_rank[row][column] as f64),
        }
    }

    fn powers(&self, row: usize, columns: &[usize]) -> Powers {
        let shared = columns.iter().fold(0, |all, &c| gcd(all, self.n[c])).max(1);
        let exponent = |c: usize| u32::try_from(self.n[c] / shared).unwrap_or(u32::MAX);
        let factors = columns
            .iter()
            .map(|&c| (self.by_column[row][c].clone(), exponent(c)));
        Powers::new(factors.collect())
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn reduced((numerator, denominator): (u64, u64)) -> (u64, u64) {
    let shared = gcd(numerator, denominator).max(1);
    (numerator / shared, denominator / shared)
}

/// Denominators of one column divide `n` times a number of runs, or a power of ten, so their common multiple fits.
pub(super) fn least_common(a: u64, b: u64) -> u64 {
    (a / gcd(a, b)).saturating_mul(b)
}
