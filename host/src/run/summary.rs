//! What a run shows at its end: a table per protocol, and what is missing.

use super::planned::{Elsewhere, PlannedCell};
use crate::config::{self, SpaceChoice};
use crate::evaluate::record::TestSetScore;
use crate::report::{is_run, row_name, stands_for_set, verification};
use ssl_aggregate::{AggregateError, ApartRow, Table, TableEntry, Verification, not_verified};
use ssl_report::Verified;
use ssl_report::input::{is_baseline, left_out};
use std::fmt::Write as _;

/// A score and the row it belongs to.
pub(super) struct RowScore<'a> {
    pub(super) row: String,
    pub(super) score: &'a TestSetScore,
    /// All scores of the cell.
    of_cell: &'a [TestSetScore],
    same_images_as: Option<&'a String>,
    pub(super) seed: u64,
}

/// What stands for the cells under one protocol.
pub struct ProtocolResults {
    /// The protocol's id.
    pub protocol: String,
    /// One result per row and test set.
    pub entries: Vec<TableEntry>,
    /// The rows beside what the authors of their backbones report.
    pub verification: Vec<Verification>,
    /// Points within which a row counts as verified.
    verify: f64,
    /// What is said of rows that are left out.
    left_out: Option<String>,
}

impl ProtocolResults {
    /// The results as a table, and the baselines apart.
    ///
    /// # Errors
    /// Results that may not stand in one table.
    pub fn table(&self) -> Result<(Table, Vec<ApartRow>), AggregateError> {
        Table::from_entries(&self.entries)?.split(is_baseline)
    }

    /// Rows in order of appearance.
    fn rows(&self) -> Vec<&str> {
        let mut rows: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if !rows.contains(&entry.framework.as_str()) {
                rows.push(&entry.framework);
            }
        }
        rows
    }

    fn has_nothing_to_rank(&self) -> bool {
        let rows = self.rows();
        rows.iter().filter(|row| !is_baseline(row)).count() < 2
    }
}

/// The protocols of the cells that are done, in the order in which they were carried out.
#[must_use]
pub fn protocol_results(
    cells: &[PlannedCell],
    settings: &config::Aggregate,
) -> Vec<ProtocolResults> {
    let subset = settings.label_space == SpaceChoice::Subset;
    let done = cells.iter().filter(|cell| cell.is_done());
    let all = cells.iter().map(|cell| &cell.record);
    let mut verification = verification(done.map(|cell| &cell.record), all);
    let (failed, left_out) = match settings.required() {
        Some(points) => {
            let failed = not_verified(&verification, points);
            let failed: Vec<String> = failed.into_iter().map(str::to_owned).collect();
            let names: Vec<&str> = failed.iter().map(String::as_str).collect();
            let left_out = left_out(&names, points);
            (failed, left_out)
        }
        None => (Vec::new(), None),
    };
    verification.retain(|it| !failed.contains(&it.framework));
    let mut protocol_results: Vec<ProtocolResults> = Vec::new();
    for placed in scores(cells).filter(|placed| !failed.contains(&placed.row)) {
        let protocol = &placed.score.protocol.id;
        if !is_run(placed.score) || !stands_for_set(placed.score, placed.of_cell, subset) {
            continue;
        }
        match protocol_results
            .iter_mut()
            .find(|s| s.protocol == *protocol)
        {
            Some(results) => results.entries.push(placed.entry()),
            None => protocol_results.push(ProtocolResults {
                protocol: protocol.clone(),
                entries: vec![placed.entry()],
                verification: verification.clone(),
                verify: settings.verify,
                left_out: left_out.clone(),
            }),
        }
    }
    protocol_results
}

/// The standings to read.
#[must_use]
pub fn text(protocol_results: &[ProtocolResults]) -> String {
    let mut text = String::new();
    for results in protocol_results {
        let body = match results.table() {
            _ if results.has_nothing_to_rank() => listed(results),
            Ok((table, baselines)) => {
                let verified = Verified {
                    all: &results.verification,
                    points: results.verify,
                };
                ssl_report::summary(&table, &baselines, &verified)
            }
            Err(error) => format!("no table: {error}\n"),
        };
        let note = (results.left_out.as_ref()).map_or_else(String::new, |it| format!("{it}\n"));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}\n{body}{note}", results.protocol);
    }
    text
}

/// Every score with the name of its row.
pub(super) fn scores(cells: &[PlannedCell]) -> impl Iterator<Item = RowScore<'_>> {
    let done = cells.iter().filter(|cell| cell.is_done());
    done.flat_map(move |cell| {
        let record = &cell.record;
        let row = row_name(record, cells.iter().map(|cell| &cell.record));
        let results = &record.results;
        results
            .report
            .evaluations
            .iter()
            .map(move |score| RowScore {
                row: row.clone(),
                seed: record.seed,
                score,
                of_cell: &results.report.evaluations,
                same_images_as: results.same_images.get(&score.dataset),
            })
    })
}

impl RowScore<'_> {
    fn entry(&self) -> TableEntry {
        TableEntry {
            framework: self.row.clone(),
            data_set: self.score.dataset.clone(),
            label_space: self.score.label_space.to_string(),
            protocol: self.score.protocol.id.clone(),
            correct: self.score.correct,
            n: self.score.n,
            same_images_as: self.same_images_as.cloned(),
            seed: self.seed,
            head: self.score.variant.to_string(),
        }
    }
}

/// Rows without a ranking: one line each, in percent, the mean where there are several runs.
fn listed(results: &ProtocolResults) -> String {
    let mut text = String::new();
    for row in results.rows() {
        // Writing to a string cannot fail.
        let _ = write!(text, " {row}:");
        let own = || results.entries.iter().filter(|e| e.framework == row);
        let mut sets: Vec<&str> = own().map(|e| e.data_set.as_str()).collect();
        sets.dedup();
        sets.sort_unstable_by_key(|set| own().position(|e| e.data_set == *set));
        sets.dedup();
        for set in sets {
            let runs = own().filter(|e| e.data_set == set);
            let (correct, n) = runs.fold((0, 0), |(correct, n), e| (correct + e.correct, n + e.n));
            let percent = 100.0 * correct as f64 / n.max(1) as f64;
            let _ = write!(text, " {set} {percent:.1}");
        }
        text.push_str(" (percent)\n");
    }
    text
}

/// One line about the cells that have no scores; empty when all have.
#[must_use]
pub fn shortfall(cells: &[PlannedCell]) -> String {
    let missing: Vec<&PlannedCell> = cells.iter().filter(|cell| !cell.is_done()).collect();
    if missing.is_empty() {
        return String::new();
    }
    let names: Vec<String> = missing
        .iter()
        .map(|cell| {
            let why = match (&cell.elsewhere, &cell.record.failure) {
                (Some(Elsewhere::Held(holder)), _) => format!("in use by {holder}"),
                (_, Some(failure)) => failure.message.clone(),
                (Some(Elsewhere::Shard), None) => "in another shard".to_owned(),
                (None, None) => "interrupted".to_owned(),
            };
            format!("  {}: {why}\n", cell.dir.name())
        })
        .collect();
    let (n, of) = (missing.len(), cells.len());
    format!("\n{n} of {of} cells have no scores:\n{}", names.concat())
}
