//! What a run shows at its end: a table per protocol, and what is missing.

use super::supervise::Planned;
use crate::aggregate::{AggregateError, Record as Entry, Table};
use crate::config::{self, SpaceChoice};
use crate::evaluate::record::Evaluation;
use crate::report::{self, input::stands_for_set};
use std::fmt::Write as _;

/// A score and the row it belongs to.
pub(super) struct Placed<'a> {
    pub(super) row: String,
    pub(super) score: &'a Evaluation,
    /// All scores of the cell.
    of_cell: &'a [Evaluation],
    same_images_as: Option<&'a String>,
}

/// What stands for the cells under one protocol.
pub struct Standing {
    /// The protocol's id.
    pub protocol: String,
    /// One result per row and test set.
    pub entries: Vec<Entry>,
}

impl Standing {
    /// The results as a table; a single row makes none, as there is nothing to rank.
    ///
    /// # Errors
    /// Results that may not stand in one table.
    pub fn table(&self) -> Result<Table, AggregateError> {
        Table::from_records(&self.entries)
    }

    fn is_one_row(&self) -> bool {
        let first = self.entries.first().map(|entry| &entry.framework);
        self.entries
            .iter()
            .all(|entry| Some(&entry.framework) == first)
    }
}

/// The protocols of the cells that are done, in the order in which they were carried out.
#[must_use]
pub fn standings(cells: &[Planned], settings: &config::Aggregate) -> Vec<Standing> {
    let subset = settings.label_space == SpaceChoice::Subset;
    let mut standings: Vec<Standing> = Vec::new();
    for placed in scores(cells) {
        let protocol = &placed.score.protocol.id;
        if !placed.score.headline || !stands_for_set(placed.score, placed.of_cell, subset) {
            continue;
        }
        match standings.iter_mut().find(|s| s.protocol == *protocol) {
            Some(standing) => standing.entries.push(placed.entry()),
            None => standings.push(Standing {
                protocol: protocol.clone(),
                entries: vec![placed.entry()],
            }),
        }
    }
    standings
}

/// The standings to read.
#[must_use]
pub fn text(standings: &[Standing]) -> String {
    let mut text = String::new();
    for standing in standings {
        let body = match standing.table() {
            _ if standing.is_one_row() => single_row(&standing.entries),
            Ok(table) => report::summary(&table),
            Err(error) => format!("no table: {error}\n"),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}\n{body}", standing.protocol);
    }
    text
}

/// Every score with the name of its row, and the seed where a row has several.
pub(super) fn scores(cells: &[Planned]) -> impl Iterator<Item = Placed<'_>> {
    let several = |row: &str, seed: u64| {
        let mut others = cells.iter().map(|cell| &cell.record);
        others.any(|other| other.row() == row && other.seed != seed)
    };
    let done = cells.iter().filter(|cell| cell.is_done());
    done.flat_map(move |cell| {
        let record = &cell.record;
        let row = if several(record.row(), record.seed) {
            format!("{} #{}", record.row(), record.seed)
        } else {
            record.row().to_owned()
        };
        let results = &record.results;
        results.report.evaluations.iter().map(move |score| Placed {
            row: row.clone(),
            score,
            of_cell: &results.report.evaluations,
            same_images_as: results.same_images.get(&score.dataset),
        })
    })
}

impl Placed<'_> {
    fn entry(&self) -> Entry {
        Entry {
            framework: self.row.clone(),
            data_set: self.score.dataset.clone(),
            label_space: self.score.label_space.clone(),
            protocol: self.score.protocol.id.clone(),
            correct: self.score.correct,
            n: self.score.n,
            same_images_as: self.same_images_as.cloned(),
        }
    }
}

/// A single row makes no table: there is nothing to rank.
fn single_row(entries: &[Entry]) -> String {
    let row = entries.first().map_or("", |e| e.framework.as_str());
    let mut text = format!(" {row}:");
    for e in entries {
        let percent = 100.0 * e.correct as f64 / e.n.max(1) as f64;
        // Writing to a string cannot fail.
        let _ = write!(text, " {} {percent:.1}", e.data_set);
    }
    text.push_str(" (percent)\n");
    text
}

/// One line about the cells that have no scores; empty when all have.
#[must_use]
pub fn shortfall(cells: &[Planned]) -> String {
    let missing: Vec<&Planned> = cells.iter().filter(|cell| !cell.is_done()).collect();
    if missing.is_empty() {
        return String::new();
    }
    let names: Vec<String> = missing
        .iter()
        .map(|cell| {
            let why = match &cell.record.failure {
                Some(failure) => failure.message.as_str(),
                None => "interrupted",
            };
            format!("  {}: {why}\n", cell.dir.name())
        })
        .collect();
    let (n, of) = (missing.len(), cells.len());
    format!("\n{n} of {of} cells have no scores:\n{}", names.concat())
}
