//! What redrawn images and runs say about accuracies and aggregates.

use std::cmp::Ordering;

use super::{Draws, Resampling, draw};
use crate::comparison::{Comparisons, Images, compare};
use crate::{
    Aggregate, Interactions, PairTests, PairedOutcomes, Pool, Rank, Scores, Table, aggregate,
    rank_by, wilson,
};

/// Intervals on one data set, per framework; `None` for a missing cell.
#[derive(Debug, Clone, PartialEq)]
pub struct SetBootstrap {
    /// How the images were redrawn.
    pub resampling: Resampling,
    /// Accuracy in percent, percentiles over images and runs.
    pub accuracy: Vec<Option<(f64, f64)>>,
    /// Accuracy in percent as printed: Wilson's interval for a single run, else the percentiles.
    pub printed: Vec<Option<(f64, f64)>>,
    /// Ranks that the pair tests leave after Holm's correction.
    pub rank: Vec<Option<(f64, f64)>>,
    /// Share of draws in which each framework is first, ties split.
    pub first: Vec<Option<f64>>,
}

/// Intervals of one aggregate over one pool; `None` for a row with a missing cell in the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolBootstrap {
    /// The aggregate.
    pub aggregate: Aggregate,
    /// Its value. Percentiles over images and runs; for the mean rank the means of the ends of the data sets' rank
    /// intervals.
    pub value: Vec<Option<(f64, f64)>>,
    /// Ranks by it that the comparisons leave after Holm's correction.
    pub rank: Vec<Option<(f64, f64)>>,
    /// Share of draws in which each framework wins, ties split.
    pub first: Vec<Option<f64>>,
    /// Share of draws in which the first two of the table take the first two places in any order; `None` with fewer
    /// than three.
    pub first_two: Option<f64>,
    /// All pairs; `None` for the mean rank, and where a zero leaves an error undefined.
    pub comparisons: Option<Comparisons>,
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

/// How often to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Redraws {
    /// Draws, at least 1.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Level of the tests; intervals hold the rest.
    pub alpha: f64,
}

/// Redraws images and runs and summarises; `tests` are those of each data set.
#[must_use]
pub fn bootstrap(
    table: &Table,
    outcomes: &[Option<PairedOutcomes>],
    tests: &[PairTests],
    pools: &[Pool],
    redraws: Redraws,
) -> Bootstrap {
    let context = Context {
        table,
        drawn: draw(table, outcomes, redraws.draws, redraws.seed),
        interactions: Interactions::new(table, outcomes),
        ranks: tests.iter().map(|tests| tests.rank_sets(table)).collect(),
        alpha: redraws.alpha,
    };
    let data_sets = (0..table.data_sets().len()).map(|set| context.one_set(set));
    let mean_ranks = context.mean_ranks_drawn(pools);
    let pools = pools.iter().zip(&mean_ranks).map(|(pool, mean_ranks)| {
        let kinds = Aggregate::ALL.iter();
        kinds
            .map(|&kind| context.one_pool(pool, kind, mean_ranks))
            .collect()
    });
    Bootstrap {
        draws: redraws.draws,
        data_sets: data_sets.collect(),
        pools: pools.collect(),
    }
}

/// Best and worst rank.
type RankSet = Option<(u32, u32)>;

struct Context<'a> {
    table: &'a Table,
    drawn: Draws,
    interactions: Interactions,
    /// `[data set][row]`
    ranks: Vec<Vec<RankSet>>,
    alpha: f64,
}

impl Context<'_> {
    fn one_set(&self, set: usize) -> SetBootstrap {
        let cells = self.table.column(set);
        let errors = self.run_errors(set);
        let mut tally = Tally::new(cells.len(), self.drawn.draws);
        for draw in 0..self.drawn.draws {
            let accuracies = self.redrawn(set, draw, &errors);
            let present = cells.iter().zip(accuracies);
            let values: Vec<Option<f64>> = present.map(|(cell, it)| cell.map(|_| it)).collect();
            tally.add(&values, |a, b| b.total_cmp(&a), |value| value);
        }
        let (accuracy, first) = tally.intervals(1.0 - self.alpha);
        let printed = cells.iter().enumerate().map(|(row, cell)| {
            let single = self.table.runs(row).unit().is_none();
            cell.filter(|_| single)
                .map(|cell| wilson(&cell, 1.0 - self.alpha))
                .or(accuracy[row])
        });
        SetBootstrap {
            resampling: self.drawn.resampling[set],
            printed: printed.collect(),
            accuracy,
            rank: self.ranks[set].iter().map(as_interval).collect(),
            first,
        }
    }

    /// `mean_ranks` are those of [`mean_ranks_drawn`](Self::mean_ranks_drawn).
    fn one_pool(&self, pool: &Pool, kind: Aggregate, mean_ranks: &[Vec<f64>]) -> PoolBootstrap {
        let table = self.table;
        let scores = aggregate(table, &pool.data_sets, kind);
        let rows = table.complete_rows(&pool.data_sets);
        let images = match kind {
            Aggregate::MeanRank => mean_ranks.to_vec(),
            _ => self.values(pool, kind, &rows),
        };
        let paired = |set: &usize| self.drawn.resampling[*set] == Resampling::PairedImages;
        let known = if pool.data_sets.iter().any(paired) {
            Images::Drawn(&images)
        } else {
            Images::Counts
        };
        let comparisons = (kind != Aggregate::MeanRank && !pool.data_sets.is_empty())
            .then(|| {
                let by = |images| {
                    let sets = &pool.data_sets;
                    compare(table, sets, &scores, &self.interactions, images, self.alpha)
                };
                // A zero has no derivative, but its redraws spread.
                by(known).or_else(|| by(Images::Drawn(&images)))
            })
            .flatten();
        let errors: Vec<f64> = (0..images.len())
            .map(|row| {
                let error = self.interactions.of(table, &pool.data_sets, kind, row);
                error.variance.sqrt()
            })
            .collect();
        let mut tally = Tally::new(images.len(), self.drawn.draws);
        let (mut pair, leading) = (0.0, leading_two(&scores));
        for draw in 0..self.drawn.draws {
            let runs = self.drawn.runs(draw);
            let value = |row: usize| Some(images[row].get(draw)? + errors[row] * runs[row]);
            let values: Vec<Option<f64>> = (0..images.len()).map(value).collect();
            let better = |a: f64, b: f64| kind.better(a, b);
            let leads = |row: usize| {
                let ahead = |own: f64| {
                    let others = values.iter().flatten();
                    others.filter(|it| better(**it, own).is_lt()).count()
                };
                values[row].is_some_and(|own| ahead(own) < 2)
            };
            pair += f64::from(u8::from(leading.is_some_and(|[a, b]| leads(a) && leads(b))));
            let inside = |value: f64| match kind {
                Aggregate::MeanRank => value,
                _ => value.clamp(0.0, 100.0),
            };
            tally.add(&values, better, inside);
        }
        let (mut value, first) = tally.intervals(1.0 - self.alpha);
        let rank = match (&comparisons, kind) {
            (_, Aggregate::MeanRank) => {
                value = self.mean_ranks(pool, &rows);
                ranks_of_intervals(&value)
            }
            (Some(found), _) => found
                .rank_sets(images.len())
                .iter()
                .map(as_interval)
                .collect(),
            (None, _) => vec![None; images.len()],
        };
        PoolBootstrap {
            aggregate: kind,
            value,
            rank,
            first,
            first_two: leading.map(|_| pair / self.drawn.draws as f64),
            comparisons,
        }
    }

    /// `[row][draw]` of the aggregate on redrawn images, runs as observed; not for the mean rank.
    fn values(&self, pool: &Pool, kind: Aggregate, rows: &[usize]) -> Vec<Vec<f64>> {
        let draws = self.drawn.draws;
        let mut values = vec![Vec::new(); self.table.frameworks().len()];
        if pool.data_sets.is_empty() {
            return values;
        }
        for &row in rows {
            values[row].reserve_exact(draws);
        }
        let n = |set: usize| self.table.data_sets()[set].n as f64;
        let images = pool.data_sets.iter().map(|&set| n(set)).sum();
        let mut sums = vec![0.0; rows.len()];
        for draw in 0..draws {
            sums.fill(0.0);
            for &set in &pool.data_sets {
                let (percent, n) = (self.drawn.percent(set, draw), n(set));
                for (sum, &row) in sums.iter_mut().zip(rows) {
                    *sum += kind.term(percent[row], n);
                }
            }
            for (&row, &sum) in rows.iter().zip(&sums) {
                values[row].push(kind.of_sum(sum, pool.data_sets.len() as f64, images));
            }
        }
        values
    }

    /// `[pool][row][draw]` of the mean rank among complete rows, on redrawn images and, since it has no run error of its
    /// own, with redrawn runs. For all pools together: most rank the same rows on the same data sets.
    fn mean_ranks_drawn(&self, pools: &[Pool]) -> Vec<Vec<Vec<f64>>> {
        let rows: Vec<Vec<usize>> = pools
            .iter()
            .map(|pool| self.table.complete_rows(&pool.data_sets))
            .collect();
        let mut means = vec![vec![Vec::new(); self.table.frameworks().len()]; pools.len()];
        for (means, (rows, pool)) in means.iter_mut().zip(rows.iter().zip(pools)) {
            if !pool.data_sets.is_empty() {
                rows.iter()
                    .for_each(|&row| means[row] = vec![0.0; self.drawn.draws]);
            }
        }
        for set in 0..self.table.data_sets().len() {
            let errors = self.run_errors(set);
            // Pools that rank the same rows.
            let mut groups: Vec<(&[usize], Vec<usize>)> = Vec::new();
            for (place, pool) in pools.iter().enumerate() {
                if !pool.data_sets.contains(&set) {
                    continue;
                }
                match groups.iter_mut().find(|(known, _)| *known == rows[place]) {
                    Some((_, members)) => members.push(place),
                    None => groups.push((&rows[place], vec![place])),
                }
            }
            for (rows, members) in groups {
                let ranks = |draw| {
                    let accuracies = self.redrawn(set, draw, &errors);
                    let values: Vec<_> = rows.iter().map(|&row| Some(accuracies[row])).collect();
                    rank_by(&values, |a, b| b.total_cmp(a))
                };
                let drawn = (0..self.drawn.draws).flat_map(ranks).flatten();
                let drawn: Vec<f64> = drawn.map(Rank::average).collect();
                for place in members {
                    for (column, &row) in rows.iter().enumerate() {
                        let own = drawn.iter().skip(column).step_by(rows.len());
                        let sums = means[place][row].iter_mut().zip(own);
                        sums.for_each(|(sum, rank)| *sum += rank);
                    }
                }
            }
        }
        for (means, pool) in means.iter_mut().zip(pools) {
            let count = pool.data_sets.len() as f64;
            means.iter_mut().flatten().for_each(|sum| *sum /= count);
        }
        means
    }

    /// Standard errors of the rows on one data set that come from the choice of runs.
    fn run_errors(&self, set: usize) -> Vec<f64> {
        let rows = 0..self.table.frameworks().len();
        rows.map(|row| self.interactions.on(self.table, set, row).variance.sqrt())
            .collect()
    }

    /// Accuracies in one draw of images and runs.
    fn redrawn(&self, set: usize, draw: usize, errors: &[f64]) -> Vec<f64> {
        let runs = self.drawn.runs(draw).iter().zip(errors);
        let percent = self.drawn.percent(set, draw).iter().zip(runs);
        percent
            .map(|(percent, (run, error))| (percent + run * error).clamp(0.0, 100.0))
            .collect()
    }

    /// Means of the best and of the worst ranks among complete rows.
    fn mean_ranks(&self, pool: &Pool, rows: &[usize]) -> Vec<Option<(f64, f64)>> {
        let mut means = vec![None; self.table.frameworks().len()];
        let count = pool.data_sets.len() as f64;
        for &row in rows {
            let sets: Option<Vec<(u32, u32)>> = pool
                .data_sets
                .iter()
                .map(|&set| self.ranks[set][row])
                .collect();
            means[row] = sets.filter(|sets| !sets.is_empty()).map(|sets| {
                let mean = |end: fn(&(u32, u32)) -> u32| {
                    sets.iter().map(|set| f64::from(end(set))).sum::<f64>() / count
                };
                (mean(|set| set.0), mean(|set| set.1))
            });
        }
        means
    }
}

fn as_interval(ranks: &RankSet) -> Option<(f64, f64)> {
    ranks.map(|(best, worst)| (f64::from(best), f64::from(worst)))
}

/// Ranks of values of which only intervals are known, smaller is better: those whose intervals lie apart are ordered.
fn ranks_of_intervals(intervals: &[Option<(f64, f64)>]) -> Vec<Option<(f64, f64)>> {
    let present = || intervals.iter().flatten();
    let rank = |own: &(f64, f64)| {
        let better = present().filter(|other| other.1 < own.0).count();
        let worse = present().filter(|other| other.0 > own.1).count();
        (1.0 + better as f64, (present().count() - worse) as f64)
    };
    intervals.iter().map(|own| own.as_ref().map(rank)).collect()
}

/// The first two of the order; `None` unless there are others.
fn leading_two(scores: &Scores) -> Option<[usize; 2]> {
    match scores.order()[..] {
        [first, second, _, ..] => Some([first, second]),
        _ => None,
    }
}

type Intervals = Vec<Option<(f64, f64)>>;

/// Values of each framework over the draws, and how often it is first.
struct Tally {
    values: Vec<Vec<f64>>,
    first: Vec<f64>,
}

impl Tally {
    fn new(frameworks: usize, draws: usize) -> Self {
        Self {
            values: vec![Vec::with_capacity(draws); frameworks],
            first: vec![0.0; frameworks],
        }
    }

    /// One draw: who is first by `better`, and the values as `inside` makes them.
    fn add(
        &mut self,
        values: &[Option<f64>],
        better: impl Fn(f64, f64) -> Ordering,
        inside: impl Fn(f64) -> f64,
    ) {
        let present = || values.iter().flatten().copied();
        let Some(best) = present().reduce(|a, b| if better(b, a).is_lt() { b } else { a }) else {
            return;
        };
        let tied = present().filter(|it| better(*it, best).is_eq()).count();
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = *value {
                self.values[row].push(inside(value));
                if better(value, best).is_eq() {
                    self.first[row] += 1.0 / tied as f64;
                }
            }
        }
    }

    fn intervals(self, confidence: f64) -> (Intervals, Vec<Option<f64>>) {
        let first = self
            .first
            .iter()
            .zip(&self.values)
            .map(|(first, values)| (!values.is_empty()).then(|| first / values.len() as f64));
        let first = first.collect();
        let interval = |values: Vec<f64>| percentile_interval(values, confidence);
        (self.values.into_iter().map(interval).collect(), first)
    }
}

/// The central `confidence` share of the values; `None` without any.
pub(crate) fn percentile_interval(mut values: Vec<f64>, confidence: f64) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let mut at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (_, low, above) = values.select_nth_unstable_by(place as usize, f64::total_cmp);
        let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(*low);
        *low + place.fract() * (next - *low)
    };
    Some((at((1.0 - confidence) / 2.0), at((1.0 + confidence) / 2.0)))
}
