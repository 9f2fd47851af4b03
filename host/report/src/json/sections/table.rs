//! The table itself: its columns and cells.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::json::keyed::{Keyed, by_framework};
use ssl_aggregate::DataSet;

#[derive(Serialize)]
pub(in crate::json) struct DataSetSection {
    name: String,
    n: u64,
    label_space: Option<String>,
    same_images_as: Option<String>,
}

pub(in crate::json) fn data_sets(analysis: &Analysis) -> Vec<DataSetSection> {
    let section = |set: &DataSet| DataSetSection {
        name: set.name.clone(),
        n: set.n,
        label_space: set.label_space.clone(),
        same_images_as: set.same_images_as.clone(),
    };
    analysis.table().data_sets().iter().map(section).collect()
}

#[derive(Clone, Serialize)]
pub(in crate::json) struct AccuracySection {
    percent: f64,
    correct: Option<u64>,
    n: u64,
    standard_error: f64,
    interval: Option<(f64, f64)>,
    /// Standard deviation between runs in points, seeds if there are several, else heads.
    run_standard_deviation: Option<f64>,
}

pub(in crate::json) fn accuracy(analysis: &Analysis, set: usize) -> Keyed<Option<AccuracySection>> {
    let table = analysis.table();
    let section = |row: usize| {
        let cell = table.cell(row, set)?;
        let spread = table.runs(row).on(set);
        Some(AccuracySection {
            percent: cell.percent(),
            correct: cell.correct(),
            n: cell.n(),
            standard_error: 100.0 * cell.standard_error(),
            interval: analysis.drawn[set].printed[row],
            run_standard_deviation: spread.map(|spread| spread.variance.sqrt()),
        })
    };
    let cells: Vec<_> = (0..table.frameworks().len()).map(section).collect();
    by_framework(analysis, &cells)
}
