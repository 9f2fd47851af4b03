//! How much of an accuracy's error comes from the choice of runs.

use super::uncertainty::gradient;
use super::{Aggregate, PairedOutcomes, Spread, Table};

/// Squared standard error that a mean over runs has because other runs would be others.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunError {
    /// In squared points; 0 for a single run, of which nothing is known.
    pub variance: f64,
    /// Degrees of freedom of the variance; 0 for a single run.
    pub df: usize,
}

/// Variances of one run's accuracy that are due to the images it was judged on, in squared points.
///
/// The spread between runs contains them, and so does the redraw of images; they are taken out of the first where both
/// are added.
#[derive(Debug, Clone, PartialEq)]
pub struct Interactions {
    /// `[data set][row]`; 0 where outcomes are not known, which leaves the sum too large.
    points: Vec<Vec<f64>>,
}

impl Interactions {
    /// From the outcomes of all runs.
    #[must_use]
    pub fn new(table: &Table, outcomes: &[Option<PairedOutcomes>]) -> Self {
        let of = |set: usize, row: usize| {
            let repeated = table.runs(row).unit().is_some();
            let outcomes = outcomes
                .get(set)
                .and_then(Option::as_ref)
                .filter(|_| repeated);
            outcomes.map_or(0.0, |outcomes| 1e4 * outcomes.interaction(row))
        };
        let rows = 0..table.frameworks().len();
        let sets = 0..table.data_sets().len();
        Self {
            points: sets
                .map(|set| rows.clone().map(|row| of(set, row)).collect())
                .collect(),
        }
    }

    /// Error of a row's accuracy on one data set.
    #[must_use]
    pub fn on(&self, table: &Table, data_set: usize, row: usize) -> RunError {
        error(table.runs(row).on(data_set), self.points[data_set][row])
    }

    /// Error of a row's aggregate; none for [`Aggregate::MeanRank`], which depends on the other rows.
    #[must_use]
    pub fn of(&self, table: &Table, pool: &[usize], aggregate: Aggregate, row: usize) -> RunError {
        if aggregate == Aggregate::MeanRank || table.runs(row).unit().is_none() {
            return RunError::default();
        }
        let n = |set: usize| table.data_sets()[set].n as f64;
        let spread = table.runs(row).spread(|unit| {
            let inputs = pool.iter().map(|&set| Some((unit[set]?, n(set))));
            Some(aggregate.combine(&inputs.collect::<Option<Vec<_>>>()?))
        });
        let inputs: Option<Vec<_>> = pool
            .iter()
            .map(|&set| Some((table.cell(row, set)?.percent(), n(set))))
            .collect();
        let of_images: f64 = inputs.map_or(0.0, |inputs| {
            let slopes = gradient(aggregate, &inputs);
            let terms = slopes.iter().zip(pool);
            terms
                .map(|(slope, &set)| slope * slope * self.points[set][row])
                .sum()
        });
        error(
            spread,
            if of_images.is_finite() {
                of_images
            } else {
                0.0
            },
        )
    }
}

/// Spread between a row's runs of the weighted average over all data sets.
#[must_use]
pub fn weighted_spread(table: &Table, row: usize) -> Option<Spread> {
    table.runs(row).spread(|unit| {
        let sets = table.data_sets().iter().zip(unit);
        let inputs = sets.map(|(set, percent)| Some(((*percent)?, set.n as f64)));
        let inputs: Option<Vec<_>> = inputs.collect();
        inputs.map(|inputs| Aggregate::Weighted.combine(&inputs))
    })
}

fn error(spread: Option<Spread>, of_images: f64) -> RunError {
    spread.map_or_else(RunError::default, |spread| RunError {
        variance: (spread.variance - of_images).max(0.0) / spread.runs as f64,
        df: spread.df(),
    })
}
