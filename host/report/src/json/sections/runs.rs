//! What each row is made of, and the rows that stand apart.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::json::keyed::{Keyed, by_framework};
use ssl_aggregate::{Cell, Unit, weighted_spread};

#[derive(Clone, Serialize)]
pub(in crate::json) struct RunsSection {
    seeds: usize,
    heads: usize,
    /// What intervals and tests redraw beside the images: `seeds`, `heads`, or nothing.
    redrawn: Option<&'static str>,
    /// Standard deviation between those of the weighted average over all data sets, in points.
    weighted_standard_deviation: Option<f64>,
}

/// One entry per framework.
pub(in crate::json) fn runs(analysis: &Analysis) -> Keyed<RunsSection> {
    let table = analysis.table();
    let section = |row: usize| {
        let runs = table.runs(row);
        RunsSection {
            seeds: runs.seeds,
            heads: runs.heads,
            redrawn: runs.unit().map(Unit::plural),
            weighted_standard_deviation: weighted_spread(table, row)
                .map(|spread| spread.variance.sqrt()),
        }
    };
    let sections: Vec<_> = (0..table.frameworks().len()).map(section).collect();
    by_framework(analysis, &sections)
}

/// Accuracy in percent by baseline and data set.
pub(in crate::json) fn baselines(analysis: &Analysis) -> Keyed<Keyed<Option<f64>>> {
    let row = |cells: &[Option<Cell>]| {
        let sets = analysis.table().data_sets().iter().zip(cells);
        sets.map(|(set, cell)| (set.name.clone(), cell.as_ref().map(Cell::percent)))
            .collect()
    };
    let baselines = analysis.input.baselines.iter();
    baselines
        .map(|(name, cells)| (name.clone(), row(cells)))
        .collect()
}
