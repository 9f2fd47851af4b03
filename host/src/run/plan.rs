//! From a benchmark and the frameworks found to the cells that make it up.

use super::checkpoints::checkpoint_rows;
use super::cores;
use super::error::RunError;
use super::features::features_rows;
use super::job::{CellConfig, EvaluationConfig, Job, Setup, Subject};
use super::planned::PlannedCell;
use crate::config::{Benchmark, BenchmarkFault, Document, FrameworkSection, Frameworks, nearest};
use crate::ledger::{DataFacts, Holder, Ledger};
use crate::plugins::Candidate;
use serde_json::{Map, Value};
use ssl_plugin_api::description::{Metadata, SchemaError};
use std::path::PathBuf;

/// The cells of a benchmark: baselines first, then checkpoints and given features, then frameworks. Checkpoints and
/// features are judged once, all others with every seed.
///
/// # Errors
/// [`RunError::Plan`] with every framework that is unknown, every key that its plugin refuses and every file of
/// features that is missing;
/// [`RunError::Ledger`] when directories cannot be made.
pub fn plan(
    bench: &Benchmark,
    document: &Document,
    candidates: &[Candidate],
    ledger: &Ledger,
) -> Result<Vec<PlannedCell>, RunError> {
    let mut faults = Vec::new();
    let selected = select(bench, document, candidates, &mut faults);
    let mut subjects: Vec<(Subject, Option<PathBuf>)> = bench
        .baselines
        .iter()
        .map(|&baseline| (Subject::Baseline { baseline }, None))
        .collect();
    for candidate in selected {
        let id = &candidate.metadata.id;
        let empty = FrameworkSection::default();
        let section = bench.framework.get(id).unwrap_or(&empty);
        if let Some(config) = resolve(&candidate.metadata, section, document, &mut faults) {
            let subject = Subject::Framework {
                id: id.clone(),
                version: candidate.metadata.version.clone(),
                config,
                recipe: Box::new(bench.pretrain.recipe.and(&section.recipe)),
            };
            subjects.push((subject, Some(candidate.library.clone())));
        }
    }
    let checkpoint_rows = checkpoint_rows(bench, document, candidates, &mut faults);
    let features_rows = features_rows(bench, document, &mut faults);
    if !faults.is_empty() {
        return Err(RunError::Plan { faults });
    }
    let mut cells = Vec::new();
    let (baselines, frameworks): (Vec<_>, Vec<_>) = subjects
        .into_iter()
        .partition(|(subject, _)| matches!(subject, Subject::Baseline { .. }));
    let every_seed = |cells: &mut Vec<PlannedCell>, subjects: Vec<(Subject, Option<PathBuf>)>| {
        for (subject, plugin) in subjects {
            for &seed in &bench.seeds {
                let setup = Setup {
                    plugin: plugin.clone(),
                    ..setup(bench, ledger)
                };
                let config = config(bench, subject.clone(), seed);
                cells.push(cell(bench, config, setup, ledger)?);
            }
        }
        Ok::<(), RunError>(())
    };
    every_seed(&mut cells, baselines)?;
    let first_seed = bench.seeds.first().copied().unwrap_or_default();
    for row in checkpoint_rows {
        let setup = Setup {
            plugin: row.plugin,
            checkpoint: Some(row.file),
            ..setup(bench, ledger)
        };
        let config = CellConfig {
            backbone: row.backbone,
            ..config(bench, row.subject, first_seed)
        };
        cells.push(cell(bench, config, setup, ledger)?);
    }
    for row in features_rows {
        let setup = Setup {
            given: Some(row.folder),
            ..setup(bench, ledger)
        };
        let config = config(bench, row.subject, first_seed);
        cells.push(cell(bench, config, setup, ledger)?);
    }
    every_seed(&mut cells, frameworks)?;
    Ok(cells)
}

fn select<'a>(
    bench: &Benchmark,
    document: &Document,
    candidates: &'a [Candidate],
    faults: &mut Vec<BenchmarkFault>,
) -> Vec<&'a Candidate> {
    let known: Vec<String> = candidates.iter().map(|c| c.metadata.id.clone()).collect();
    let find = |id: &str| candidates.iter().find(|c| c.metadata.id == id);
    let help = if known.is_empty() {
        "no plugin was found; `ssl-lottery doctor` lists the directories that were searched"
            .to_owned()
    } else {
        format!("found: {}", known.join(", "))
    };
    let unknown = |path: &[&str], id: &str| {
        let hint = nearest(id, &known).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
        let message = format!("unknown framework `{id}`{hint}");
        document.fault(path, message, Some(help.clone()))
    };
    let mut selected = Vec::new();
    match &bench.frameworks {
        Frameworks::All => {
            let others = [
                bench.baselines.is_empty(),
                bench.checkpoint.is_empty(),
                bench.features.is_empty(),
            ];
            if candidates.is_empty() && others == [true; 3] {
                let message = "expected at least one plugin, found none";
                faults.push(document.fault(&["frameworks"], message, Some(help.clone())));
            }
            selected.extend(candidates);
        }
        Frameworks::Listed(ids) => {
            for (n, id) in ids.iter().enumerate() {
                match find(id) {
                    Some(candidate) => selected.push(candidate),
                    None => faults.push(unknown(&["frameworks", &n.to_string()], id)),
                }
            }
        }
    }
    // A benchmark may prepare for frameworks that do not take part, or are not installed here.
    for id in bench.framework.keys().filter(|id| find(id).is_none()) {
        if !bench.frameworks.lists(id) {
            tracing::warn!("no plugin has `{id}`, [framework.{id}] is not used ({help})");
        }
    }
    selected
}

fn resolve(
    metadata: &Metadata,
    section: &FrameworkSection,
    document: &Document,
    faults: &mut Vec<BenchmarkFault>,
) -> Option<Map<String, Value>> {
    let given = Value::Object(section.config.clone());
    match metadata.schema.resolve(&given) {
        Ok(config) => Some(config),
        Err(found) => {
            faults.extend(found.iter().map(|fault| {
                let key = match fault {
                    SchemaError::UnknownKey { key, .. } | SchemaError::BadValue { key, .. } => key,
                    _ => "",
                };
                let message = format!("`framework.{}.config`: {fault}", metadata.id);
                document.fault(&["framework", &metadata.id, "config", key], message, None)
            }));
            None
        }
    }
}

fn config(bench: &Benchmark, subject: Subject, seed: u64) -> CellConfig {
    CellConfig {
        subject,
        seed,
        backbone: bench.backbone.clone(),
        train: bench.data.train.clone(),
        views: bench.views.clone(),
        precision: bench.pretrain.precision,
    }
}

fn setup(bench: &Benchmark, ledger: &Ledger) -> Setup {
    Setup {
        plugin: None,
        allow_other_build: false,
        checkpoint: None,
        given: None,
        features: bench
            .run
            .keep_features
            .then(|| ledger.root().join("features")),
        checkpoints: bench.pretrain.checkpoint,
        probe: bench.pretrain.probe,
        // A plugin may change the folder that relative paths start from.
        data_root: (bench.data.root.as_ref())
            .map(|root| std::path::absolute(root).unwrap_or_else(|_| root.clone())),
        device: bench.pretrain.device,
        workers: cores::workers(bench),
        threads: bench.pretrain.threads,
        memory: bench.run.memory,
        processes: match bench.run.launcher[..] {
            [] => bench.run.processes,
            // The launcher knows how many.
            _ => 1,
        },
        rank_limit_s: bench.run.rank_limit_s(),
        run: Holder::current(),
    }
}

fn cell(
    bench: &Benchmark,
    config: CellConfig,
    setup: Setup,
    ledger: &Ledger,
) -> Result<PlannedCell, RunError> {
    let (dir, mut record) = ledger.cell(config.subject.name(), config.seed, &config)?;
    config.subject.name_in(&mut record);
    let job = Job {
        dir: dir.path().to_owned(),
        config,
        evaluation: EvaluationConfig {
            test: bench.data.test.clone(),
            protocols: bench.evaluate.clone(),
        },
        setup,
        data: DataFacts::default(),
    };
    Ok(PlannedCell {
        job,
        dir,
        record,
        elsewhere: None,
    })
}
