//! The table itself: its columns and cells.

use serde::Serialize;

use crate::aggregate::{Cell, DataSet, wilson};
use crate::report::analysis::Analysis;
use crate::report::json::keyed::{Keyed, by_framework};

#[derive(Serialize)]
pub(in crate::report::json) struct DataSetSection {
    name: String,
    n: u64,
    label_space: Option<String>,
    same_images_as: Option<String>,
}

pub(in crate::report::json) fn data_sets(analysis: &Analysis) -> Vec<DataSetSection> {
    let section = |set: &DataSet| DataSetSection {
        name: set.name.clone(),
        n: set.n,
        label_space: set.label_space.clone(),
        same_images_as: set.same_images_as.clone(),
    };
    analysis.table().data_sets().iter().map(section).collect()
}

#[derive(Clone, Serialize)]
pub(in crate::report::json) struct AccuracySection {
    percent: f64,
    correct: Option<u64>,
    n: u64,
    standard_error: f64,
    interval: (f64, f64),
}

pub(in crate::report::json) fn accuracy(
    analysis: &Analysis,
    set: usize,
) -> Keyed<Option<AccuracySection>> {
    let section = |cell: Option<Cell>| {
        cell.map(|cell| AccuracySection {
            percent: cell.percent(),
            correct: cell.correct(),
            n: cell.n(),
            standard_error: 100.0 * cell.standard_error(),
            interval: wilson(&cell, analysis.confidence()),
        })
    };
    let cells: Vec<_> = analysis
        .table()
        .column(set)
        .into_iter()
        .map(section)
        .collect();
    by_framework(analysis, &cells)
}
