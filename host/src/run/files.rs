//! What a run writes beside its cells: every score as CSV, a report per protocol.

use super::error::RunError;
use super::planned::PlannedCell;
use super::summary::{ProtocolResults, RowScore, scores};
use crate::atomic;
use crate::config::{self, SpaceChoice};
use crate::evaluate::LabelSpaceName;
use crate::ledger::Plan;
use crate::report::{Selection, SourceError, read_ledger};
use serde::Serialize;
use ssl_report::{Analysis, Options, ReportError, html, markdown};
use std::io;
use std::path::Path;

/// A line of `scores.csv`.
#[derive(Serialize)]
struct Line<'a> {
    framework: &'a str,
    data_set: &'a str,
    protocol: &'a str,
    protocol_hash: &'a str,
    variant: String,
    headline: bool,
    label_space: &'a LabelSpaceName,
    correct: u64,
    n: u64,
    correct_top5: u64,
    excluded: u64,
    seed: u64,
}

/// Writes every score of every cell that is done to `scores.csv`.
///
/// # Errors
/// [`RunError::Write`].
pub fn write_scores(out: &Path, cells: &[PlannedCell]) -> Result<(), RunError> {
    let path = out.join("scores.csv");
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = scores(cells)
        .try_for_each(|placed| writer.serialize(line(&placed)))
        .map_err(io::Error::other)
        .and_then(|()| {
            writer
                .into_inner()
                .map_err(|e| io::Error::other(e.to_string()))
        })
        .and_then(|bytes| atomic::write(&path, &bytes));
    written.map_err(|source| RunError::Write { path, source })
}

/// Writes `report-<protocol>.html` and `.md` for every protocol with a table, over the cells of the
/// plan that are finished: those that the terminal shows.
///
/// `reference` is the test set the others are compared with.
///
/// # Errors
/// [`RunError::Write`]. A table that cannot be analysed is only warned about: its scores stand.
pub fn write_reports(
    out: &Path,
    plan: &Plan,
    reference: &str,
    settings: &config::Aggregate,
    protocol_results: &[ProtocolResults],
) -> Result<(), RunError> {
    for results in protocol_results.iter().filter(|s| s.table().is_ok()) {
        let selection = Selection {
            protocol: Some(results.protocol.clone()),
            subset: settings.label_space == SpaceChoice::Subset,
            plan: Some(plan.clone()),
            required: settings.required(),
        };
        match pages(out, reference, settings.verify, &selection) {
            Err(error) => tracing::warn!("no report for {}: {error}", results.protocol),
            Ok(pages) => {
                for (extension, text) in pages {
                    let path = out.join(format!("report-{}.{extension}", results.protocol));
                    atomic::write(&path, text.as_bytes())
                        .map_err(|source| RunError::Write { path, source })?;
                }
            }
        }
    }
    Ok(())
}

fn pages(
    out: &Path,
    reference: &str,
    verify: f64,
    selection: &Selection,
) -> Result<[(&'static str, String); 2], SourceError> {
    let options = Options {
        reference: Some(reference.to_owned()),
        verify,
        ..Options::default()
    };
    let input = read_ledger(out, selection)?;
    let analysis = Analysis::new(input, options).map_err(ReportError::from)?;
    Ok([("html", html(&analysis)?), ("md", markdown(&analysis))])
}

fn line<'a>(placed: &'a RowScore<'_>) -> Line<'a> {
    Line {
        framework: &placed.row,
        data_set: &placed.score.dataset,
        protocol: &placed.score.protocol.id,
        protocol_hash: &placed.score.protocol.hash,
        variant: placed.score.variant.to_string(),
        headline: placed.score.headline,
        label_space: &placed.score.label_space,
        correct: placed.score.correct,
        n: placed.score.n,
        correct_top5: placed.score.correct_top5,
        excluded: placed.score.excluded,
        seed: placed.seed,
    }
}
