//! What redrawn test sets say about accuracies, ranks and aggregates.

use super::{Draws, Resampling, draw};
use crate::aggregate::{Aggregate, PairedOutcomes, Pool, Rank, Table, rank_by};

/// Percentile intervals on one data set, per framework; `None` for a missing cell.
#[derive(Debug, Clone, PartialEq)]
pub struct SetBootstrap {
    /// How the images were redrawn.
    pub resampling: Resampling,
    /// Accuracy in percent.
    pub accuracy: Vec<Option<(f64, f64)>>,
    /// Average rank.
    pub rank: Vec<Option<(f64, f64)>>,
    /// Share of draws in which each framework is first, ties split.
    pub first: Vec<Option<f64>>,
}

/// Percentile intervals of one aggregate over one pool; `None` for a row with a missing cell in the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolBootstrap {
    /// The aggregate.
    pub aggregate: Aggregate,
    /// Its value.
    pub value: Vec<Option<(f64, f64)>>,
    /// Average rank by it.
    pub rank: Vec<Option<(f64, f64)>>,
    /// Share of draws in which each framework wins, ties split.
    pub first: Vec<Option<f64>>,
}

/// Everything from one set of draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    /// Number of draws.
    pub draws: usize,
    /// One per data set.
    pub data_sets: Vec<SetBootstrap>,
    /// `[pool][aggregate]`, aggregates as in [`Aggregate::ALL`].
    pub pools: Vec<Vec<PoolBootstrap>>,
}

/// Redraws the test sets and summarises, intervals at `confidence`. Data sets are redrawn independently of one another.
#[must_use]
pub fn bootstrap(
    table: &Table,
    outcomes: &[Option<PairedOutcomes>],
    pools: &[Pool],
    draws: usize,
    confidence: f64,
    seed: u64,
) -> Bootstrap {
    let drawn = draw(table, outcomes, draws, seed);
    let data_sets = (0..table.data_sets().len()).map(|set| one_set(table, &drawn, set, confidence));
    let pools = pools.iter().map(|pool| {
        Aggregate::ALL
            .iter()
            .map(|&kind| one_pool(table, &drawn, pool, kind, confidence))
            .collect()
    });
    Bootstrap {
        draws,
        data_sets: data_sets.collect(),
        pools: pools.collect(),
    }
}

fn one_set(table: &Table, drawn: &Draws, set: usize, confidence: f64) -> SetBootstrap {
    let cells = table.column(set);
    let n = table.data_sets()[set].n as f64;
    let mut tally = Tally::new(cells.len(), drawn.draws);
    for draw in 0..drawn.draws {
        let counts = drawn.counts(set, draw);
        let present: Vec<Option<u32>> = cells
            .iter()
            .zip(counts)
            .map(|(cell, &count)| cell.map(|_| count))
            .collect();
        let ranks = rank_by(&present, |a, b| b.cmp(a));
        tally.add(
            present
                .iter()
                .map(|count| count.map(|count| 100.0 * f64::from(count) / n)),
            &ranks,
        );
    }
    let (accuracy, rank, first) = tally.intervals(confidence);
    SetBootstrap {
        resampling: drawn.resampling[set],
        accuracy,
        rank,
        first,
    }
}

fn one_pool(
    table: &Table,
    drawn: &Draws,
    pool: &Pool,
    kind: Aggregate,
    confidence: f64,
) -> PoolBootstrap {
    let rows = table.complete_rows(&pool.data_sets);
    let mut tally = Tally::new(table.frameworks().len(), drawn.draws);
    for draw in 0..drawn.draws {
        let mut inputs = vec![Vec::with_capacity(pool.data_sets.len()); rows.len()];
        for &set in &pool.data_sets {
            let n = table.data_sets()[set].n as f64;
            let counts = drawn.counts(set, draw);
            if kind == Aggregate::MeanRank {
                let counts: Vec<Option<u32>> = rows.iter().map(|&row| Some(counts[row])).collect();
                let ranks = rank_by(&counts, |a, b| b.cmp(a)).into_iter().flatten();
                inputs
                    .iter_mut()
                    .zip(ranks)
                    .for_each(|(input, rank)| input.push((rank.average(), n)));
            } else {
                for (input, &row) in inputs.iter_mut().zip(&rows) {
                    input.push((100.0 * f64::from(counts[row]) / n, n));
                }
            }
        }
        let mut values = vec![None; table.frameworks().len()];
        if !pool.data_sets.is_empty() {
            for (&row, input) in rows.iter().zip(&inputs) {
                values[row] = Some(kind.combine(input));
            }
        }
        let ranks = rank_by(&values, |a, b| kind.better(*a, *b));
        tally.add(values.into_iter(), &ranks);
    }
    let (value, rank, first) = tally.intervals(confidence);
    PoolBootstrap {
        aggregate: kind,
        value,
        rank,
        first,
    }
}

type Intervals = Vec<Option<(f64, f64)>>;

/// Values and ranks of each framework over the draws.
struct Tally {
    values: Vec<Vec<f64>>,
    ranks: Vec<Vec<f64>>,
    first: Vec<f64>,
}

impl Tally {
    fn new(frameworks: usize, draws: usize) -> Self {
        let empty = || vec![Vec::with_capacity(draws); frameworks];
        Self {
            values: empty(),
            ranks: empty(),
            first: vec![0.0; frameworks],
        }
    }

    fn add(&mut self, values: impl Iterator<Item = Option<f64>>, ranks: &[Option<Rank>]) {
        for (row, (value, rank)) in values.zip(ranks).enumerate() {
            if let (Some(value), Some(rank)) = (value, rank) {
                self.values[row].push(value);
                self.ranks[row].push(rank.average());
                if rank.min == 1 {
                    self.first[row] += 1.0 / f64::from(rank.tied);
                }
            }
        }
    }

    fn intervals(self, confidence: f64) -> (Intervals, Intervals, Vec<Option<f64>>) {
        let first = self
            .first
            .iter()
            .zip(&self.values)
            .map(|(first, values)| (!values.is_empty()).then(|| first / values.len() as f64));
        let first = first.collect();
        let interval = |values: Vec<f64>| percentile_interval(values, confidence);
        (
            self.values.into_iter().map(interval).collect(),
            self.ranks.into_iter().map(interval).collect(),
            first,
        )
    }
}

/// The central `confidence` share of the values; `None` without any.
pub(in crate::aggregate) fn percentile_interval(
    mut values: Vec<f64>,
    confidence: f64,
) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (low, part) = (place.floor() as usize, place.fract());
        let high = (low + 1).min(values.len() - 1);
        values[low] + part * (values[high] - values[low])
    };
    Some((at((1.0 - confidence) / 2.0), at((1.0 + confidence) / 2.0)))
}
