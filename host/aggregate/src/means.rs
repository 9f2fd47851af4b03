//! The aggregates: one number for a framework over a pool of data sets.
//!
//! Which one is chosen decides who wins, so all are computed and none is preferred. Values are percentages; a
//! framework with a missing cell in the pool has none, because means over different data sets cannot be compared.

use std::cmp::Ordering;

use super::{
    Cell, Rank, Table,
    exact::ExactPool,
    ranks::{rank_by, ranks_among},
};

/// A way to make one number out of several accuracies `p_d` over `n_d` images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// `Σ n_d p_d / Σ n_d`; favours large test sets.
    Weighted,
    /// `Σ p_d / D`.
    Arithmetic,
    /// `(Π p_d)^(1/D)`; punishes the worst test set, and is 0 if any accuracy is.
    Geometric,
    /// `(Π p_d^n_d)^(1 / Σ n_d)`.
    WeightedGeometric,
    /// `D / Σ (1 / p_d)`; 0 if any accuracy is.
    Harmonic,
    /// Mean of the average ranks; smaller is better.
    MeanRank,
}

impl Aggregate {
    /// All aggregates, in the order they are reported.
    pub const ALL: [Self; 6] = [
        Self::Weighted,
        Self::Arithmetic,
        Self::Geometric,
        Self::WeightedGeometric,
        Self::Harmonic,
        Self::MeanRank,
    ];

    /// Key in machine-readable reports.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Weighted => "weighted",
            Self::Arithmetic => "arithmetic",
            Self::Geometric => "geometric",
            Self::WeightedGeometric => "weighted_geometric",
            Self::Harmonic => "harmonic",
            Self::MeanRank => "mean_rank",
        }
    }

    /// Name in running text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Weighted => "weighted average",
            Self::Arithmetic => "arithmetic mean",
            Self::Geometric => "geometric mean",
            Self::WeightedGeometric => "weighted geometric mean",
            Self::Harmonic => "harmonic mean",
            Self::MeanRank => "mean rank",
        }
    }

    /// `Less` where the value `a` is better than `b`.
    #[must_use]
    pub fn better(self, a: f64, b: f64) -> Ordering {
        if self == Self::MeanRank {
            a.total_cmp(&b)
        } else {
            b.total_cmp(&a)
        }
    }

    /// Formula over `(p_d, n_d)`; `p_d` on any scale. Not for [`Aggregate::MeanRank`], which sees ranks instead of
    /// accuracies and gives their plain mean here.
    #[must_use]
    pub fn combine(self, values: &[(f64, f64)]) -> f64 {
        let images = values.iter().map(|(_, n)| n).sum();
        let sum = values.iter().map(|&(p, n)| self.term(p, n)).sum();
        self.of_sum(sum, values.len() as f64, images)
    }

    /// What one data set adds to the sum that [`of_sum`](Self::of_sum) takes.
    pub(super) fn term(self, p: f64, n: f64) -> f64 {
        match self {
            Self::Weighted => p * n,
            Self::Arithmetic | Self::MeanRank => p,
            Self::Geometric => p.ln(),
            Self::WeightedGeometric => n * p.ln(),
            Self::Harmonic => p.recip(),
        }
    }

    /// The aggregate from the sum of the terms of `count` data sets, `images` in all.
    pub(super) fn of_sum(self, sum: f64, count: f64, images: f64) -> f64 {
        match self {
            Self::Weighted => sum / images,
            Self::Arithmetic | Self::MeanRank => sum / count,
            Self::Geometric => (sum / count).exp(),
            Self::WeightedGeometric => (sum / images).exp(),
            Self::Harmonic => count / sum,
        }
    }
}

/// An aggregate of every framework, with ranks whose ties are exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// How the values were made.
    pub aggregate: Aggregate,
    /// Percent, or a rank; `None` for a framework with a missing cell in the pool.
    pub values: Vec<Option<f64>>,
    /// Rank by this aggregate; 1 is best.
    pub ranks: Vec<Option<Rank>>,
}

impl Scores {
    /// Rows on the first place, in table order.
    #[must_use]
    pub fn leaders(&self) -> Vec<usize> {
        let first = |row: &usize| self.ranks[*row].is_some_and(|rank| rank.min == 1);
        (0..self.ranks.len()).filter(first).collect()
    }

    /// Rows that have a value, best first, ties in table order.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.ranks.len())
            .filter(|&row| self.ranks[row].is_some())
            .collect();
        rows.sort_by_key(|&row| self.ranks[row].map(|rank| rank.min));
        rows
    }
}

/// Computes an aggregate over the columns `pool`.
///
/// Ranks and ties come from whole numbers, not from the rounded values. Published values: protocol, section 1.5.
#[must_use]
pub fn aggregate(table: &Table, pool: &[usize], aggregate: Aggregate) -> Scores {
    let exact = ExactPool::new(table, pool);
    let columns: Vec<usize> = (0..pool.len()).collect();
    let mut values = vec![None; table.frameworks().len()];
    let mut keys = vec![None; table.frameworks().len()];
    if !pool.is_empty() {
        let inputs = inputs(table, pool, &exact.rows, aggregate);
        for (index, &row) in exact.rows.iter().enumerate() {
            values[row] = Some(aggregate.combine(&inputs[index]));
            keys[row] = Some(exact.key(aggregate, index, &columns));
        }
    }
    let ranks = rank_by(&keys, |a, b| b.partial_cmp(a).unwrap_or(Ordering::Equal));
    Scores {
        aggregate,
        values,
        ranks,
    }
}

/// Geometric mean of the smoothed accuracies `(k + 1/2) / (n + 1)`, in percent, which no zero can bring to zero.
#[must_use]
pub fn smoothed_geometric(table: &Table, pool: &[usize]) -> Vec<Option<f64>> {
    let value = |row: usize| -> Option<f64> {
        let shares = pool.iter().map(|&set| {
            table
                .cell(row, set)
                .map(|cell| (100.0 * cell.smoothed_share(), 1.0))
        });
        let shares: Option<Vec<_>> = shares.collect();
        shares
            .filter(|shares| !shares.is_empty())
            .map(|shares| Aggregate::Geometric.combine(&shares))
    };
    (0..table.frameworks().len()).map(value).collect()
}

/// `[row][column]` of what the aggregate combines: percent, or ranks among `rows`.
fn inputs(
    table: &Table,
    pool: &[usize],
    rows: &[usize],
    aggregate: Aggregate,
) -> Vec<Vec<(f64, f64)>> {
    let mut inputs = vec![Vec::with_capacity(pool.len()); rows.len()];
    for &set in pool {
        let n = table.data_sets()[set].n as f64;
        let ranks = ranks_among(table, set, rows);
        for ((input, &row), rank) in inputs.iter_mut().zip(rows).zip(ranks) {
            let value = match aggregate {
                Aggregate::MeanRank => rank.map_or(f64::NAN, Rank::average),
                _ => table
                    .cell(row, set)
                    .as_ref()
                    .map_or(f64::NAN, Cell::percent),
            };
            input.push((value, n));
        }
    }
    inputs
}
