//! A cell as its process gets it: a JSON file with everything that was resolved.

use crate::backbone::{BackboneConfig, ComputePrecision};
use crate::config::{
    Baseline, CheckpointInterval, Covariates, Evaluate, MemoryLimit, RecipeOverride, Views,
};
use crate::device::DeviceName;
use crate::digest;
use crate::import::Selection;
use crate::ledger::{CellDir, CellRecord, DataFacts, Holder, LedgerError, Status};
use crate::pretrain::{CHECKPOINT_FILE, KnnMonitorConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ssl_datasets::source::SourceConfig;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a cell computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The cell's directory.
    pub dir: PathBuf,
    /// What names the cell.
    pub config: CellConfig,
    /// How it is judged.
    pub evaluation: EvaluationConfig,
    /// Where and with what it is computed.
    pub setup: Setup,
    /// What was found out about the images.
    #[serde(default)]
    pub data: DataFacts,
}

impl Job {
    /// Whether the cell is pretrained when it is carried out.
    #[must_use]
    pub const fn pretrains(&self) -> bool {
        matches!(self.config.subject, Subject::Framework { .. })
    }

    /// The cell's record as it is in the ledger now, or a pending one.
    ///
    /// # Errors
    /// When the configuration cannot be written as JSON.
    pub fn record(&self) -> Result<CellRecord, LedgerError> {
        let serialize = |source| self.unwritable(source);
        let config = serde_json::to_value(&self.config).map_err(serialize)?;
        let hash = digest::sha256_of_json(&config).map_err(serialize)?;
        let subject = &self.config.subject;
        let pending = CellRecord::pending(subject.name(), self.config.seed, config, &hash);
        let mut record = CellDir::at(self.dir.clone()).record(pending);
        subject.name_in(&mut record);
        Ok(record)
    }

    /// The settings that scores of this job have in their record.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    pub fn evaluation_settings(&self) -> Result<Value, LedgerError> {
        serde_json::to_value(&self.evaluation).map_err(|source| self.unwritable(source))
    }

    /// Whether a record has the scores that are asked for.
    #[must_use]
    pub fn is_met_by(&self, record: &CellRecord) -> bool {
        let settings = self.evaluation_settings().ok();
        record.status == Status::Done && Some(&record.evaluation) == settings.as_ref()
    }

    /// Whether results or a checkpoint of an earlier attempt are there.
    #[must_use]
    pub fn keeps_work(&self, record: &CellRecord) -> bool {
        self.is_met_by(record) || self.dir.join("pretrain").join(CHECKPOINT_FILE).exists()
    }

    /// Marks the cell as begun by this job, now.
    pub fn begin(&self, record: &mut CellRecord) {
        let keeps_work = self.keeps_work(record);
        record.begin(&self.setup.run);
        record.device = self.setup.device.to_string();
        if !keeps_work {
            record.threads.clear();
        }
        record.threads.insert(self.setup.threads);
        record.workers = Some(self.setup.workers);
        record.data = self.data.clone();
    }

    fn unwritable(&self, source: serde_json::Error) -> LedgerError {
        let subject = self.config.subject.name();
        LedgerError::Serialize {
            what: format!("the record of {subject}, seed {}", self.config.seed),
            source,
        }
    }
}

/// Everything that decides what the pretrained backbone is. Its hash names the cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellConfig {
    /// What fills the row.
    pub subject: Subject,
    /// The seed of every random number.
    pub seed: u64,
    /// The network.
    pub backbone: BackboneConfig,
    /// The training set.
    pub train: SourceConfig,
    /// How views are fitted to the images.
    pub views: Views,
    /// Numbers the backbone computes with in pretraining.
    pub precision: ComputePrecision,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Subject {
    /// A framework of a plugin.
    Framework {
        /// Its id.
        id: String,
        /// Version of the plugin.
        version: String,
        /// Its own configuration, defaults filled in.
        config: Map<String, Value>,
        /// Departures from the recipe that the plugin describes under this configuration.
        recipe: Box<RecipeOverride>,
    },
    /// A backbone that was pretrained elsewhere.
    Checkpoint(Box<CheckpointSubject>),
    /// Features that another program computed.
    Features(FeaturesSubject),
    /// A row that was not pretrained.
    Baseline {
        /// Which.
        baseline: Baseline,
    },
}

/// A finished backbone: which file, read how, and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointSubject {
    /// The framework's id, or a label.
    pub framework: String,
    /// The row's name.
    pub name: String,
    /// SHA-256 of the file; `None` where there was no file.
    pub sha256: Option<String>,
    /// Which of its networks.
    #[serde(flatten)]
    pub selection: Selection,
    /// Version of the plugin whose key map applies; `None` for a label without one.
    pub version: Option<String>,
    /// The framework's own configuration, defaults filled in.
    pub config: Map<String, Value>,
    /// Whether parts of the backbone may be missing.
    pub allow_partial: bool,
    /// What is known about its training.
    pub covariates: Covariates,
}

/// Features from elsewhere: whose, and in which files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeaturesSubject {
    /// The row's name.
    pub name: String,
    /// SHA-256 of each file, by its name in the folder.
    pub files: BTreeMap<String, String>,
    /// What is known about the training of their model.
    pub covariates: Covariates,
}

impl Subject {
    /// The row's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Framework { id, .. } => id,
            Self::Checkpoint(checkpoint) => &checkpoint.name,
            Self::Features(features) => &features.name,
            Self::Baseline { baseline } => baseline.name(),
        }
    }

    /// The framework the row is about; a baseline is its own.
    #[must_use]
    pub fn framework(&self) -> &str {
        match self {
            Self::Checkpoint(checkpoint) => &checkpoint.framework,
            other => other.name(),
        }
    }

    /// Gives a record the framework's name, and the row's where that is another.
    pub(super) fn name_in(&self, record: &mut CellRecord) {
        if let Self::Checkpoint(checkpoint) = self {
            record.framework.clone_from(&checkpoint.framework);
            record.label = Some(checkpoint.name.clone());
        }
    }
}

/// Everything else that decides what the scores are. It may change without a new cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationConfig {
    /// The test sets.
    pub test: Vec<SourceConfig>,
    /// The protocols.
    pub protocols: Evaluate,
}

const fn one_process() -> usize {
    1
}

const fn ten_minutes() -> u64 {
    600
}

/// What must not change a result beyond rounding, though `threads` changes the rounding of every step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The plugin's file, for a framework.
    pub plugin: Option<PathBuf>,
    /// Whether a checkpoint that another build of the plugin wrote is resumed.
    #[serde(default)]
    pub allow_other_build: bool,
    /// The checkpoint's file, for one.
    #[serde(default)]
    pub checkpoint: Option<PathBuf>,
    /// The folder of features, for a row of those.
    #[serde(default)]
    pub given: Option<PathBuf>,
    /// Where features are kept; `None` keeps them in memory.
    #[serde(default)]
    pub features: Option<PathBuf>,
    /// How often a checkpoint is written.
    #[serde(default)]
    pub checkpoints: CheckpointInterval,
    /// The online kNN evaluation during pretraining.
    #[serde(default)]
    pub probe: KnnMonitorConfig,
    /// Where relative paths of data sets start.
    pub data_root: Option<PathBuf>,
    /// Where everything is computed.
    pub device: DeviceName,
    /// Threads that load images.
    pub workers: usize,
    /// Threads libtorch computes with.
    pub threads: usize,
    /// Memory that the cell may ask for; its process is bound to it by the run.
    #[serde(default)]
    pub memory: Option<MemoryLimit>,
    /// Processes that pretrain the cell together, where no launcher has started them.
    #[serde(default = "one_process")]
    pub processes: usize,
    /// Seconds that they wait for each other.
    #[serde(default = "ten_minutes")]
    pub rank_limit_s: u64,
    /// The run that asks for it.
    pub run: Holder,
}
