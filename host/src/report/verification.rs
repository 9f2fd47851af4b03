//! The published numbers of a ledger's backbones, beside those measured here.

use crate::evaluate::record::TestSetScore;
use crate::ledger::CellRecord;
use serde_json::Value;
use ssl_aggregate::Verification;
use ssl_datasets::source::SourceConfig;
use ssl_plugin_api::description::Published;

use super::rows::{is_run, row_name};

/// Linear protocols, those closest to a paper's own first.
const LINEAR: [&str; 4] = [
    "linear-paper-augmented",
    "linear-paper-cached",
    "linear-shared-augmented",
    "linear-shared-cached",
];

/// What finished cells measured on ImageNet's validation images beside what the authors of their backbones report,
/// whatever protocol a table is of. Rows are named among `all` cells.
pub(crate) fn verification<'a>(
    done: impl Iterator<Item = &'a CellRecord>,
    all: impl Iterator<Item = &'a CellRecord> + Clone,
) -> Vec<Verification> {
    let mut found = Vec::new();
    for record in done {
        for published in &record.results.published {
            if let Some((score, measured)) = measured(record, published) {
                found.push(Verification {
                    framework: row_name(record, all.clone()),
                    data_set: score.dataset.clone(),
                    protocol: score.protocol.id.clone(),
                    measured,
                    checkpoint: published.checkpoint.clone(),
                    published: published.value,
                    source: published.source.clone(),
                });
            }
        }
    }
    found
}

/// The score that a published number is compared with, and its mean over runs in percent.
fn measured<'a>(record: &'a CellRecord, published: &Published) -> Option<(&'a TestSetScore, f64)> {
    let protocols: &[&str] = match (published.protocol.as_str(), published.metric.as_str()) {
        ("linear", "top-1") => &LINEAR,
        ("knn", "top-1") => &["knn"],
        _ => return None,
    };
    let set = validation_set(&record.evaluation)?;
    let of = |id: &&str| -> Vec<&TestSetScore> {
        let scores = record.results.report.evaluations.iter();
        scores
            .filter(|it| it.protocol.id == *id && it.dataset == set)
            .filter(|it| it.label_space.is_full() && is_run(it))
            .collect()
    };
    let runs = protocols.iter().map(of).find(|runs| !runs.is_empty())?;
    let (correct, n) = (runs.iter()).fold((0, 0), |(k, n), it| (k + it.correct, n + it.n));
    Some((runs[0], 100.0 * correct as f64 / n as f64))
}

/// The name of the set of ImageNet's validation images with their own labels, all of them.
fn validation_set(evaluation: &Value) -> Option<String> {
    let sets: Vec<SourceConfig> = serde_json::from_value(evaluation.get("test")?.clone()).ok()?;
    let is_whole = |set: &&SourceConfig| {
        let changed = set.labels.is_some() || set.class_map.is_some();
        let fewer = set.keep.is_some() || set.limit.is_some();
        let split = set.options.get("split").and_then(Value::as_str);
        set.kind == "imagenet" && split == Some("val") && !changed && !fewer
    };
    let set = sets.iter().find(is_whole)?;
    Some(set.name.clone())
}
