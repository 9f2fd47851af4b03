//! What a run is about to do and to need, found out before it begins. Nothing is written.

mod images;
mod protocols;
mod sets;
mod speed;
mod storage;
mod text;

use super::job::{Job, Subject};
use super::planned::{Elsewhere, PlannedCell};
use crate::config::{Baseline, Benchmark};
use crate::device::DeviceName;
use crate::plugins::{InspectError, Inspected, inspect_apart};
use serde::Serialize;
use serde_json::Value;
use ssl_plugin_api::RunContext;
use ssl_plugin_api::description::Description;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sets::{Set, SetSize};
use speed::Speed;
use storage::Bytes;
pub use text::text;

/// Batch size that frameworks are weighed with where the benchmark has none.
const USUAL_BATCH: usize = 256;

/// What a run would do.
#[derive(Debug, Serialize)]
pub struct Forecast {
    /// Where the results will be.
    pub results: PathBuf,
    /// Every cell of the benchmark, in order.
    pub cells: Vec<CellForecast>,
    /// The sets of images.
    pub sets: Vec<SetSize>,
    /// Checkpoints that are not there.
    pub missing: Vec<MissingFile>,
    /// Bytes that the cells to compute will write, all together.
    pub disk: Bytes,
    /// Bytes that one cell holds at most, without the activations of a batch.
    pub memory_bytes: u64,
    /// Cells that are computed side by side.
    pub side_by_side: usize,
    /// Estimated seconds for the cells to compute; `None` where a part could not be measured.
    pub seconds: Option<f64>,
    /// Seconds that the measurement for the estimate took.
    pub measured_s: f64,
    /// What the counts and the estimate leave out.
    pub notes: Vec<String>,
}

/// What becomes of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is computed.
    Computed,
    /// The ledger has its scores.
    Done,
    /// It is of another shard, or a record of it cannot be read.
    LeftOut,
    /// Its checkpoint is missing.
    Missing,
}

/// One cell.
#[derive(Debug, Serialize)]
pub struct CellForecast {
    /// Name of its directory.
    pub cell: String,
    /// Its row.
    pub row: String,
    /// Its seed.
    pub seed: u64,
    /// What becomes of it.
    pub fate: Fate,
    /// Images that are loaded, by stage.
    pub images: BTreeMap<&'static str, u64>,
    /// Feature passes over the training images that its framework may ask for, which are not counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<String>,
    /// Bytes that it writes.
    pub disk: Bytes,
    /// Estimated seconds.
    pub seconds: Option<f64>,
}

/// A checkpoint that is not there.
#[derive(Debug, Serialize)]
pub struct MissingFile {
    /// Its row.
    pub row: String,
    /// Where it is expected.
    pub file: PathBuf,
    /// Where it is published, as its entry says.
    pub source: Option<String>,
}

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// A set that cannot be opened though it is there.
    #[error(transparent)]
    Data(#[from] ssl_datasets::DataError),
    /// A plugin that does not describe itself.
    #[error(transparent)]
    Plugin(#[from] InspectError),
    /// A backbone that cannot be made or measured.
    #[error(transparent)]
    Backbone(#[from] crate::backbone::BackboneError),
}

/// What is known of all cells.
pub(super) struct Facts<'a> {
    bench: &'a Benchmark,
    train: Set,
    test: Vec<Set>,
}

/// Counts, measures and adds up; the measurement takes about `limit` at most.
///
/// # Errors
/// [`ForecastError`].
pub fn forecast(
    bench: &Benchmark,
    cells: &[PlannedCell],
    results: &Path,
    program: &Path,
    limit: Duration,
) -> Result<Forecast, ForecastError> {
    let root = bench.data.root.as_deref();
    let facts = Facts {
        bench,
        train: sets::open(&bench.data.train, root)?,
        test: (bench.data.test.iter())
            .map(|set| sets::open(set, root))
            .collect::<Result<_, _>>()?,
    };
    let begun = Instant::now();
    let mut speed = Speed::new(begun + limit);
    let mut described: HashMap<String, Inspected> = HashMap::new();
    let (mut forecasts, mut missing) = (Vec::new(), Vec::new());
    let (mut memory_bytes, mut pixels_known) = (0, false);
    for cell in cells {
        let job = &cell.job;
        let own = describe(job, &facts, program, &mut described)?;
        let fate = fate(cell);
        if let (Fate::Missing, Subject::Checkpoint(subject)) = (fate, &job.config.subject) {
            missing.push(MissingFile {
                row: subject.name.clone(),
                file: job.setup.checkpoint.clone().unwrap_or_default(),
                source: subject.covariates.source.clone(),
            });
        }
        let is_pixels = is_pixels(job);
        let work = Work {
            facts: &facts,
            job,
            description: own.map(|it| &it.description),
            sizes: own.and_then(|it| it.sizes),
            // The same pixels with every seed.
            kept_before: is_pixels && pixels_known && bench.run.keep_features,
        };
        let computed = fate == Fate::Computed;
        pixels_known |= is_pixels && computed;
        let images = if computed {
            work.images()
        } else {
            BTreeMap::new()
        };
        let disk = if computed {
            work.disk()
        } else {
            Bytes::default()
        };
        let seconds = if computed {
            work.seconds(&images, &mut speed)?
        } else {
            Some(0.0)
        };
        if computed {
            memory_bytes = work.memory().max(memory_bytes);
        }
        forecasts.push(CellForecast {
            cell: cell.dir.name(),
            row: cell.record.row().to_owned(),
            seed: cell.record.seed,
            fate,
            images: images
                .into_iter()
                .map(|(stage, n)| (stage.name(), n))
                .collect(),
            passes: work.passes(),
            disk,
            seconds,
        });
    }
    let to_compute = forecasts
        .iter()
        .filter(|it| it.fate == Fate::Computed)
        .count();
    let side_by_side = super::cores::side_by_side(bench, to_compute);
    let total: Option<f64> = forecasts.iter().map(|it| it.seconds).sum();
    Ok(Forecast {
        results: results.to_owned(),
        disk: forecasts.iter().map(|it| it.disk).sum(),
        sets: std::iter::once(&facts.train)
            .chain(&facts.test)
            .map(|set| set.size.clone())
            .collect(),
        notes: notes(&facts, &forecasts, &speed),
        cells: forecasts,
        missing,
        memory_bytes,
        side_by_side,
        seconds: total.map(|seconds| seconds / side_by_side.max(1) as f64),
        measured_s: begun.elapsed().as_secs_f64(),
    })
}

/// A cell with what is known of its framework.
pub(super) struct Work<'a> {
    facts: &'a Facts<'a>,
    job: &'a Job,
    description: Option<&'a Description>,
    sizes: Option<crate::plugins::Sizes>,
    /// Whether an earlier cell has left its features.
    kept_before: bool,
}

impl Work<'_> {
    fn passes(&self) -> Vec<String> {
        let is_framework = matches!(self.job.config.subject, Subject::Framework { .. });
        let passes = self
            .description
            .filter(|_| is_framework)
            .map_or(&[][..], |it| &it.passes);
        passes.iter().map(|pass| pass.id.clone()).collect()
    }
}

fn is_pixels(job: &Job) -> bool {
    let baseline = Baseline::Pixels;
    job.config.subject == Subject::Baseline { baseline }
}

fn fate(cell: &PlannedCell) -> Fate {
    match &cell.job.config.subject {
        _ if cell.is_done() => Fate::Done,
        _ if cell.record.unreadable || cell.elsewhere == Some(Elsewhere::Shard) => Fate::LeftOut,
        Subject::Checkpoint(subject) if subject.sha256.is_none() => Fate::Missing,
        _ => Fate::Computed,
    }
}

/// What the cell's framework asks for, asked in a process of its own and once for each configuration.
fn describe<'a>(
    job: &Job,
    facts: &Facts<'_>,
    program: &Path,
    known: &'a mut HashMap<String, Inspected>,
) -> Result<Option<&'a Inspected>, ForecastError> {
    let (id, config, recipe) = match &job.config.subject {
        Subject::Framework {
            id, config, recipe, ..
        } => (id, config, Some(recipe)),
        Subject::Checkpoint(it) => (&it.framework, &it.config, None),
        _ => return Ok(None),
    };
    let Some(library) = &job.setup.plugin else {
        return Ok(None);
    };
    let key = format!(
        "{id} {} {}",
        recipe.is_some(),
        Value::Object(config.clone())
    );
    if !known.contains_key(&key) {
        let config = Value::Object(config.clone());
        // Heads and queues hardly depend on what the recipe leaves open.
        let context = recipe.map(|recipe| {
            let samples = facts.train.size.images;
            let batch_size = recipe.batch_size.unwrap_or(USUAL_BATCH);
            RunContext {
                features: job.config.backbone.feature_dims(),
                samples,
                batch_size,
                steps_per_epoch: (samples / batch_size.max(1)) as u64,
                epochs: recipe.epochs.unwrap_or(1),
                world_size: 1,
                rank: 0,
                device: DeviceName::Cpu.to_string(),
                seed: job.config.seed,
            }
        });
        let found = inspect_apart(program, library, Some(id), &config, context.as_ref())?;
        known.insert(key.clone(), found);
    }
    Ok(known.get(&key))
}

fn notes(facts: &Facts<'_>, cells: &[CellForecast], speed: &Speed) -> Vec<String> {
    let mut notes = Vec::new();
    let absent: Vec<&str> = std::iter::once(&facts.train)
        .chain(&facts.test)
        .filter(|set| set.source.is_none())
        .map(|set| set.size.name.as_str())
        .collect();
    if !absent.is_empty() {
        notes.push(format!(
            "Not found, and counted as published: {}. The time to load images is not measured.",
            absent.join(", ")
        ));
    }
    let mut asking: Vec<&str> = cells
        .iter()
        .filter(|it| !it.passes.is_empty())
        .map(|it| it.row.as_str())
        .collect();
    asking.dedup();
    if !asking.is_empty() {
        notes.push(format!(
            "Feature passes over the training images are neither counted nor timed: {} ask for them as they train.",
            asking.join(", ")
        ));
    }
    notes.extend(speed.notes());
    notes
}
