//! From `[[checkpoint]]` entries to subjects.

use super::job::{CheckpointSubject, Subject};
use crate::backbone::BackboneConfig;
use crate::config::{Benchmark, BenchmarkFault, CheckpointEntry, Document};
use crate::digest;
use crate::plugins::Candidate;
use serde_json::Value;
use ssl_datasets::files::open_regular;
use ssl_plugin_api::description::SchemaError;
use std::io::ErrorKind;
use std::path::PathBuf;

/// A checkpoint that takes part.
pub(super) struct CheckpointRow {
    pub(super) subject: Subject,
    pub(super) backbone: BackboneConfig,
    pub(super) file: PathBuf,
    /// The plugin whose key map applies.
    pub(super) plugin: Option<PathBuf>,
}

/// The benchmark's checkpoints, also those without a file; a file that cannot be read and keys that the plugin
/// refuses are reported in `faults`.
pub(super) fn checkpoint_rows(
    bench: &Benchmark,
    document: &Document,
    candidates: &[Candidate],
    faults: &mut Vec<BenchmarkFault>,
) -> Vec<CheckpointRow> {
    let mut rows = Vec::new();
    for (n, entry) in bench.checkpoint.iter().enumerate() {
        match checkpoint_row(bench, entry, candidates) {
            Ok(row) => rows.push(row),
            Err((key, message)) => {
                let n = n.to_string();
                let path: Vec<&str> = ["checkpoint", &n].into_iter().chain(key).collect();
                faults.push(document.fault(&path, message, None));
            }
        }
    }
    rows
}

type Complaint = (Vec<&'static str>, String);

fn checkpoint_row(
    bench: &Benchmark,
    entry: &CheckpointEntry,
    candidates: &[Candidate],
) -> Result<CheckpointRow, Complaint> {
    let file = entry.resolve(bench.data.root.as_deref());
    let sha256 = match open_regular(&file).and_then(digest::sha256_of) {
        Ok(sha256) => Some(sha256),
        // Its own cell fails, and says where the file is published; the other rows are computed.
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            let message = format!(
                "`checkpoint.file`: expected a file that can be read, found {} ({error})",
                file.display()
            );
            return Err((vec!["file"], message));
        }
    };
    let candidate = candidates.iter().find(|c| c.metadata.id == entry.framework);
    let config = match candidate {
        Some(candidate) => {
            let given = Value::Object(entry.config.clone());
            candidate.metadata.schema.resolve(&given).map_err(|found| {
                let words: Vec<String> = found.iter().map(SchemaError::to_string).collect();
                let message = format!("`checkpoint.config`: {}", words.join("; "));
                (vec!["config"], message)
            })?
        }
        None if entry.published.is_some() => {
            let message = format!(
                "`checkpoint.published`: expected none for `{}`, which no plugin has",
                entry.framework
            );
            return Err((vec!["published"], message));
        }
        None if entry.config.is_empty() => {
            tracing::warn!(
                "{}: no plugin has `{}`; the network is found by its names alone",
                entry.row(),
                entry.framework
            );
            entry.config.clone()
        }
        None => {
            let message = format!(
                "`checkpoint.config`: expected none for `{}`, which no plugin has",
                entry.framework
            );
            return Err((vec!["config"], message));
        }
    };
    let subject = CheckpointSubject {
        framework: entry.framework.clone(),
        name: entry.row(),
        sha256,
        selection: entry.selection(),
        version: candidate.map(|c| c.metadata.version.clone()),
        config,
        allow_partial: entry.allow_partial,
        covariates: entry.covariates(),
    };
    Ok(CheckpointRow {
        subject: Subject::Checkpoint(Box::new(subject)),
        backbone: entry.backbone.clone(),
        file: std::path::absolute(&file).unwrap_or(file),
        plugin: candidate.map(|c| c.library.clone()),
    })
}
