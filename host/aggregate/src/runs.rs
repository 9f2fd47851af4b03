//! Runs of one framework: seeds of the pretraining, and heads within each seed.

use super::{AggregateError, Cell};

/// What is repeated independently in a framework's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seeds of the pretraining; heads are nested in them.
    Seed,
    /// Heads on the backbone of a single seed.
    Head,
}

impl Unit {
    /// Key in machine-readable reports, and the word for several.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Seed => "seeds",
            Self::Head => "heads",
        }
    }
}

/// How often one framework was run, and what each run gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Runs {
    /// Seeds of the pretraining.
    pub seeds: usize,
    /// Most heads of one seed.
    pub heads: usize,
    unit: Option<Unit>,
    /// `[unit][data set]` accuracy in percent, over the heads of a seed.
    units: Vec<Vec<Option<f64>>>,
}

/// Spread between the runs of one framework, about the mean that stands in the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Unbiased variance of one run, in squared points.
    pub variance: f64,
    /// Runs that it comes from, at least 2.
    pub runs: usize,
}

impl Spread {
    /// Degrees of freedom, `runs - 1`.
    #[must_use]
    pub fn df(self) -> usize {
        self.runs - 1
    }
}

impl Runs {
    /// A row of which a single run is known.
    #[must_use]
    pub fn single() -> Self {
        Self {
            seeds: 1,
            heads: 1,
            unit: None,
            units: Vec::new(),
        }
    }

    /// From `counts[seed][data set][head]`, with the images of each data set.
    pub(super) fn new(counts: &[Vec<Vec<u64>>], n: &[u64]) -> Self {
        let seeds = counts.len();
        let heads = counts
            .iter()
            .flatten()
            .map(Vec::len)
            .max()
            .unwrap_or(0)
            .max(1);
        let percent = |count: f64, set: usize| 100.0 * count / n[set] as f64;
        let (unit, units) = match (seeds, heads) {
            (0 | 1, 0 | 1) => (None, Vec::new()),
            (0 | 1, _) => {
                let head = |head: usize| {
                    let sets = counts.iter().flatten().enumerate();
                    sets.map(|(set, heads)| Some(percent(*heads.get(head)? as f64, set)))
                        .collect()
                };
                (Some(Unit::Head), (0..heads).map(head).collect())
            }
            _ => {
                let seed = |sets: &Vec<Vec<u64>>| {
                    let mean = |heads: &Vec<u64>| {
                        let sum: u64 = heads.iter().sum();
                        (!heads.is_empty()).then(|| sum as f64 / heads.len() as f64)
                    };
                    let sets = sets.iter().enumerate();
                    sets.map(|(set, heads)| Some(percent(mean(heads)?, set)))
                        .collect()
                };
                (Some(Unit::Seed), counts.iter().map(seed).collect())
            }
        };
        Self {
            seeds,
            heads,
            unit,
            units,
        }
    }

    /// The same runs with the accuracies of data set `places[d]` at place `d`; nothing where there is none.
    pub(super) fn placed(&self, places: &[Option<usize>]) -> Self {
        let unit = |unit: &Vec<Option<f64>>| {
            let places = places.iter();
            places.map(|place| unit[(*place)?]).collect()
        };
        Self {
            units: self.units.iter().map(unit).collect(),
            ..self.clone()
        }
    }

    /// What is repeated; `None` for a single run.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        self.unit
    }

    /// Independent runs whose mean the row is; 0 where only one is known.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units.len()
    }

    /// Spread between runs of what `value` makes of one run's accuracies in percent; `None` unless two runs have it.
    pub fn spread(&self, value: impl Fn(&[Option<f64>]) -> Option<f64>) -> Option<Spread> {
        let values: Vec<f64> = self.units.iter().filter_map(|unit| value(unit)).collect();
        if values.len() < 2 {
            return None;
        }
        let runs = values.len();
        let mean = values.iter().sum::<f64>() / runs as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Spread {
            variance: squares / (runs - 1) as f64,
            runs,
        })
    }

    /// Spread between runs on one data set.
    #[must_use]
    pub fn on(&self, data_set: usize) -> Option<Spread> {
        self.spread(|unit| unit[data_set])
    }
}

/// The mean over a row's runs on one data set; `None` if no run has it.
pub(super) fn mean_cell(
    counts: &[Vec<Vec<u64>>],
    set: usize,
    n: u64,
) -> Result<Option<Cell>, AggregateError> {
    let runs: Vec<Vec<u64>> = counts
        .iter()
        .map(|sets| sets[set].clone())
        .filter(|heads| !heads.is_empty())
        .collect();
    if runs.is_empty() {
        return Ok(None);
    }
    Cell::mean(&runs, n).map(Some)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn runs_use_seeds_as_units_and_heads_only_with_one_seed() {
        // Two seeds with two heads each, of 100 images: means 41 and 45.
        let counts = [vec![vec![40, 42]], vec![vec![44, 46]]];
        let runs = Runs::new(&counts, &[100]);
        assert_eq!(
            (runs.seeds, runs.heads, runs.unit()),
            (2, 2, Some(Unit::Seed))
        );
        let spread = runs.on(0).unwrap();
        assert!((spread.variance - 8.0).abs() < 1e-9 && spread.df() == 1);
        let heads = Runs::new(&counts[..1], &[100]);
        assert_eq!(heads.unit(), Some(Unit::Head));
        assert!((heads.on(0).unwrap().variance - 2.0).abs() < 1e-9);
        assert_eq!(Runs::single().on(0), None);
    }
}
