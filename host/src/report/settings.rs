//! Which protocol a table of a ledger is made of, and with which settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Selection;
use super::cells::Done;
use ssl_report::ReportError;

/// Ids of the protocols that cells were judged by, in order of appearance.
pub(super) fn protocols(done: &[Done]) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for (_, record) in done {
        for evaluation in &record.results.report.evaluations {
            if !known.contains(&evaluation.protocol.id) {
                known.push(evaluation.protocol.id.clone());
            }
        }
    }
    known
}

/// The protocol that is asked for, or else the one that says most.
pub(super) fn choose(
    roots: &[&Path],
    protocols: &[String],
    selection: &Selection,
) -> Result<String, ReportError> {
    let refuse = |expected: String| ReportError::Shape {
        path: roots
            .first()
            .map_or_else(PathBuf::new, |root| root.to_path_buf()),
        expected,
        found: if protocols.is_empty() {
            "none".to_owned()
        } else {
            protocols.join(", ")
        },
        at: "protocols of finished cells".to_owned(),
    };
    match &selection.protocol {
        Some(wanted) if protocols.contains(wanted) => Ok(wanted.clone()),
        Some(wanted) => Err(refuse(format!("results of `{wanted}`"))),
        None => {
            let linear = protocols.iter().find(|id| id.starts_with("linear"));
            linear
                .or(protocols.first())
                .cloned()
                .ok_or_else(|| refuse("at least one result".to_owned()))
        }
    }
}

/// Splits cells into those that may stand in one table and others, judged by the same protocol with other settings:
/// what a change of settings leaves behind of cells that are no longer in the benchmark. Most cells decide, and of two
/// equal numbers the one with the cell that was finished last.
pub(super) fn by_settings(done: Vec<Done>, protocol: &str) -> (Vec<Done>, Vec<Done>) {
    let hash = |cell: &Done| -> Option<String> {
        let mut evaluations = cell.1.results.report.evaluations.iter();
        let own = evaluations.find(|evaluation| evaluation.protocol.id == protocol)?;
        Some(own.protocol.hash.clone())
    };
    let mut settings: BTreeMap<String, (usize, Option<u64>)> = BTreeMap::new();
    for cell in &done {
        if let Some(hash) = hash(cell) {
            let (cells, last) = settings.entry(hash).or_default();
            *cells += 1;
            *last = (*last).max(cell.1.finished_unix_s);
        }
    }
    let decides = settings.iter().max_by_key(|(_, weight)| **weight);
    let decides = decides.map(|(hash, _)| hash.clone());
    let fits = |cell: &Done| hash(cell).is_none_or(|own| Some(own) == decides);
    done.into_iter().partition(|cell| fits(cell))
}
