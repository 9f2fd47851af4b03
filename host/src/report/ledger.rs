//! A ledger: the cells that are done, with their predictions.

use std::path::Path;

use super::cells::{Cells, Done};
use super::rows::{configuration, is_run, row_name};
use super::{SourceError, circumstances, predictions};
use crate::evaluate::predictions::Group;
use crate::evaluate::record::TestSetScore;
use crate::ledger::{CellDir, CellRecord, Plan};
use ssl_aggregate::{
    Cell, Member, Observation, Table, TableEntry, Unit, checkpoint_lottery, variance_split,
};
use ssl_report::ReportError;
use ssl_report::input::{Input, is_baseline, relabelled};

/// Which of a ledger's results make the table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Id of the protocol; `None` for the linear one if there is one, else the first.
    pub protocol: Option<String>,
    /// Whether sets that declare a class list are scored over it, instead of over all classes.
    pub subset: bool,
    /// The cells that take part; `None` for those of the plan that the ledger keeps, or for all
    /// where it keeps none.
    pub plan: Option<Plan>,
    /// Points from the published accuracy that a row may have at most to take part; `None` for all rows.
    pub required: Option<f64>,
}

/// One result chosen for the table.
struct Chosen<'a> {
    entry: TableEntry,
    dir: &'a CellDir,
    record: &'a CellRecord,
    group: Group,
}

/// Reads the cells of a ledger that are planned and done.
///
/// # Errors
/// [`SourceError`] for a ledger that cannot be read, without results, or whose results may not be compared.
pub fn read_ledger(root: &Path, selection: &Selection) -> Result<Input, SourceError> {
    read_ledgers(&[root], selection)
}

/// Reads the cells of several ledgers as those of one: seeds of a framework that lie in two make one row.
///
/// # Errors
/// As [`read_ledger`]; also where the ledgers have no protocol in common, or judged by it with other settings.
pub fn read_ledgers(roots: &[&Path], selection: &Selection) -> Result<Input, SourceError> {
    let cells = Cells::read(roots, selection)?;
    let protocol = &cells.protocol;
    let kept: Vec<&Done> = cells.kept().collect();
    let mut chosen = Vec::new();
    for (dir, record) in &kept {
        for evaluation in &record.results.report.evaluations {
            if evaluation.protocol.id == *protocol
                && is_run(evaluation)
                && stands_for_set(
                    evaluation,
                    &record.results.report.evaluations,
                    selection.subset,
                )
            {
                let row = row_name(record, kept.iter().map(|(_, other)| other));
                chosen.push(Chosen {
                    entry: entry(&row, record, evaluation),
                    dir,
                    record,
                    group: group(evaluation),
                });
            }
        }
    }
    let entries: Vec<TableEntry> = chosen.iter().map(|chosen| chosen.entry.clone()).collect();
    let origin = cells.origin();
    let split = Table::from_entries(&entries).and_then(|table| table.split(is_baseline));
    let (table, baselines) = split.map_err(|source| ReportError::Table {
        origin,
        source: Box::new(source),
    })?;
    let sources: Vec<predictions::Source> = chosen
        .iter()
        .filter_map(|chosen| Some((table.row(&chosen.entry.framework)?, chosen)))
        .map(|(row, chosen)| predictions::Source {
            member: Member {
                row,
                unit: unit(&table, row, &chosen.entry),
            },
            framework: chosen.entry.framework.clone(),
            data_set: chosen.entry.data_set.clone(),
            path: chosen
                .dir
                .file("predictions")
                .join(format!("{}.parquet", chosen.entry.data_set)),
            group: chosen.group.clone(),
            cell: chosen.dir.name(),
            counts: (chosen.entry.correct, chosen.entry.n),
            digest: {
                let digests = &chosen.record.results.report.predictions;
                digests.get(&chosen.entry.data_set).cloned()
            },
        })
        .collect();
    let (outcomes, mut notes) = predictions::read(&table, &sources)?;
    notes.extend(circumstances::notes(&kept));
    notes.extend(cells.notes());
    let observations = observations(&kept, selection.subset);
    Ok(Input {
        title: cells.title(),
        outcomes,
        variance: variance_split(&observations),
        checkpoints: table
            .protocol()
            .and_then(|protocol| checkpoint_lottery(&observations, protocol)),
        verification: cells.verification(),
        study: None,
        provenance: provenance(&cells),
        baselines,
        notes,
        table,
    })
}

/// What the run is one of in its row: a seed, or the head of a single seed.
fn unit(table: &Table, row: usize, entry: &TableEntry) -> u64 {
    let heads = || {
        let digits: String = entry.head.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_default()
    };
    match table.runs(row).unit() {
        Some(Unit::Head) => heads(),
        _ => entry.seed,
    }
}

/// Whether this label space is the one that stands for the set in the table.
pub(crate) fn stands_for_set(
    evaluation: &TestSetScore,
    all: &[TestSetScore],
    subset: bool,
) -> bool {
    let own = |it: &TestSetScore| it.label_space.is_subset_of(&it.dataset);
    let full = evaluation.label_space.is_full();
    let declares = || {
        all.iter()
            .any(|it| it.dataset == evaluation.dataset && own(it))
    };
    if subset {
        own(evaluation) || (full && !declares())
    } else {
        full
    }
}

fn entry(row: &str, record: &CellRecord, evaluation: &TestSetScore) -> TableEntry {
    TableEntry {
        framework: row.to_owned(),
        data_set: evaluation.dataset.clone(),
        label_space: evaluation.label_space.to_string(),
        protocol: settings_of(evaluation),
        correct: evaluation.correct,
        n: evaluation.n,
        same_images_as: same_images(record, &evaluation.dataset),
        seed: record.seed,
        head: evaluation.variant.to_string(),
    }
}

/// The protocol with the hash of its settings, which tells tables apart that may not be mixed.
fn settings_of(evaluation: &TestSetScore) -> String {
    format!("{} ({})", evaluation.protocol.id, evaluation.protocol.hash)
}

/// The set made of the same images, as the record says or else by the names `real` and `val`.
fn same_images(record: &CellRecord, data_set: &str) -> Option<String> {
    let names = record.results.report.evaluations.iter();
    let known = record.results.same_images.get(data_set).cloned();
    known.or_else(|| relabelled(data_set, names.map(|it| it.dataset.as_str())))
}

fn group(evaluation: &TestSetScore) -> Group {
    Group {
        protocol: evaluation.protocol.id.clone(),
        variant: evaluation.variant.to_string(),
        label_space: evaluation.label_space.to_string(),
    }
}

/// Every accuracy of the frameworks; what baselines spread says nothing about those.
fn observations(done: &[&Done], subset: bool) -> Vec<Observation> {
    let mut observations = Vec::new();
    let frameworks = done.iter().filter(|(_, record)| !is_baseline(record.row()));
    for (_, record) in frameworks {
        let evaluations = &record.results.report.evaluations;
        for evaluation in evaluations
            .iter()
            .filter(|it| is_run(it) && stands_for_set(it, evaluations, subset))
        {
            if let Ok(cell) = Cell::counted(evaluation.correct, evaluation.n) {
                observations.push(Observation {
                    framework: record.framework.clone(),
                    data_set: evaluation.dataset.clone(),
                    checkpoint: configuration(record).to_string(),
                    seed: record.seed,
                    protocol: settings_of(evaluation),
                    variant: evaluation.variant.to_string(),
                    cell,
                });
            }
        }
    }
    observations
}

fn provenance(cells: &Cells) -> Vec<(String, String)> {
    let mut facts = vec![
        ("ledger".to_owned(), cells.origin()),
        ("protocol".to_owned(), cells.protocol.clone()),
    ];
    for (name, (_, record)) in cells.named() {
        let versions = &record.versions;
        let mut value = format!(
            "config {}, host {}",
            record
                .config_sha256
                .get(..16)
                .unwrap_or(&record.config_sha256),
            versions.host
        );
        let commit = versions
            .commit
            .as_ref()
            .map(|commit| format!("commit {commit}"));
        let libtorch = versions
            .libtorch
            .as_ref()
            .map(|version| format!("libtorch {version}"));
        let plugin = record.plugin.as_ref().map(|plugin| {
            format!(
                "plugin {} ({})",
                plugin.version,
                plugin.sha256.get(..16).unwrap_or(&plugin.sha256)
            )
        });
        let device = (!record.device.is_empty()).then(|| format!("on {}", record.device));
        for fact in [commit, libtorch, plugin, device].into_iter().flatten() {
            value.push_str(&format!(", {fact}"));
        }
        facts.push((name, value));
    }
    facts
}
