//! The record of a cell: everything needed to trust, repeat or resume it.

use super::data::DataFacts;
use super::holder::Holder;
use crate::evaluate::record::EvaluationReport;
use crate::libtorch;
use crate::process::MemoryBound;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ssl_plugin_api::description::Published;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Version of the record's format.
pub(super) const FORMAT: u32 = 2;
/// From this version on a record carries its digest.
pub(super) const WITH_DIGEST: u32 = 2;

/// The status of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not begun, or interrupted in good order.
    Pending,
    /// Being computed. If no process holds the cell, it was interrupted without warning.
    Running,
    /// Finished; never computed again.
    Done,
    /// Ended by a fault; tried again by the next run.
    Failed,
}

/// The kind of fault that ended a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Configuration or data are at fault.
    Input,
    /// The plugin returned an error, panicked, or gave nonsense.
    Plugin,
    /// The process ended without a result.
    Crashed,
    /// The process was killed from outside, most often for memory.
    Killed,
    /// The process gave no sign of life, or took longer than allowed, and was ended.
    Hung,
    /// The host itself is at fault.
    Host,
}

/// How a cell failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault it is.
    pub kind: FailureKind,
    /// One line.
    pub message: String,
    /// The last lines the process wrote to its log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_tail: Vec<String>,
}

/// The plugin file that computed the cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginStamp {
    /// Where it was.
    pub path: PathBuf,
    /// The framework's version.
    pub version: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// A limit of memory and what holds a cell to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundMemory {
    /// The limit, with its unit.
    pub limit: String,
    /// What holds it.
    pub by: MemoryBound,
}

/// Versions of what computed the cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The host's version.
    pub host: String,
    /// The commit the host was built from, if `SSL_LOTTERY_COMMIT` was set for the build.
    pub commit: Option<String>,
    /// The libtorch release, where it is known.
    pub libtorch: Option<String>,
}

impl Versions {
    /// The versions of this program.
    #[must_use]
    pub fn current() -> Self {
        Self {
            host: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("SSL_LOTTERY_COMMIT").map(str::to_owned),
            libtorch: libtorch::loaded().and_then(|found| found.version),
        }
    }
}

/// The results of a finished cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Results {
    /// What pretraining reports: last loss, steps, feature spread and the like.
    pub pretrain: Value,
    /// Every number of the cell.
    pub report: EvaluationReport,
    /// Test sets made of the same images as another one.
    pub same_images: BTreeMap<String, String>,
    /// What the authors report of the backbone, as its plugin says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
}

/// The record of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// Version of this format.
    pub format: u32,
    /// The framework's id, or the baseline's name.
    pub framework: String,
    /// The row's name, where it is another (a checkpoint's).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The cell's status.
    pub status: Status,
    /// The resolved configuration that names the cell.
    pub config: Value,
    /// Its SHA-256.
    pub config_sha256: String,
    /// The resolved evaluation settings of `results`; they may change without a new cell.
    #[serde(default)]
    pub evaluation: Value,
    /// The plugin file.
    #[serde(default)]
    pub plugin: Option<PluginStamp>,
    /// Versions of what computed it.
    pub versions: Versions,
    /// The device it was computed on.
    pub device: String,
    /// Numbers of threads that libtorch computed with: several where an attempt went on with another number
    /// than the one before it.
    #[serde(default)]
    pub threads: BTreeSet<usize>,
    /// Threads that loaded images, last; they change no result.
    #[serde(default)]
    pub workers: Option<usize>,
    /// Findings about the images.
    #[serde(default)]
    pub data: DataFacts,
    /// The memory that its process might have, where it was bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<BoundMemory>,
    /// How often it was begun.
    pub attempts: u32,
    /// The run that began it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Holder>,
    /// Begun last, in seconds since 1970.
    pub started_unix_s: Option<u64>,
    /// Ended last, in seconds since 1970.
    pub finished_unix_s: Option<u64>,
    /// Seconds spent by stage, over all attempts.
    #[serde(default)]
    pub timings_s: BTreeMap<String, f64>,
    /// Images loaded by stage, over all attempts that ended in good order.
    #[serde(default)]
    pub images: BTreeMap<String, u64>,
    /// The results.
    #[serde(default)]
    pub results: Results,
    /// How it failed, when it did.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// Whether this stands for a record that is there and cannot be read: its cell is not carried out, and
    /// what is there is left alone.
    #[serde(skip)]
    pub unreadable: bool,
}

impl Failure {
    /// A failure without a log.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            log_tail: Vec::new(),
        }
    }

    /// Says so where the words are those of a process that got no more memory than its limit.
    pub fn blame_memory(&mut self, bound: &BoundMemory) {
        const WORDS: [&str; 4] = [
            "allocate memory",
            "bad_alloc",
            "memory allocation of",
            "out of memory",
        ];
        let said = |text: &str| {
            let text = text.to_lowercase();
            WORDS.iter().any(|words| text.contains(words))
        };
        if said(&self.message) || self.log_tail.iter().any(|line| said(line)) {
            self.message.push_str(&format!(
                "; the cell's memory ran out, `run.memory` is {} (by {})",
                bound.limit, bound.by
            ));
        }
    }
}

impl CellRecord {
    /// A record of a cell that has not begun.
    #[must_use]
    pub fn pending(framework: &str, seed: u64, config: Value, config_sha256: &str) -> Self {
        Self {
            format: FORMAT,
            framework: framework.to_owned(),
            label: None,
            seed,
            status: Status::Pending,
            config,
            config_sha256: config_sha256.to_owned(),
            evaluation: Value::Null,
            plugin: None,
            versions: Versions::current(),
            device: String::new(),
            threads: BTreeSet::new(),
            workers: None,
            data: DataFacts::default(),
            memory: None,
            attempts: 0,
            run: None,
            started_unix_s: None,
            finished_unix_s: None,
            timings_s: BTreeMap::new(),
            images: BTreeMap::new(),
            results: Results::default(),
            failure: None,
            unreadable: false,
        }
    }

    /// What stands for a record that cannot be read, for this reason.
    #[must_use]
    pub fn unreadable(self, reason: String) -> Self {
        Self {
            status: Status::Failed,
            failure: Some(Failure::new(FailureKind::Input, reason)),
            unreadable: true,
            ..self
        }
    }

    /// The row's name, without seed.
    #[must_use]
    pub fn row(&self) -> &str {
        self.label.as_ref().unwrap_or(&self.framework)
    }

    /// What the counts of the results say that cannot be: more right answers than images.
    #[must_use]
    pub fn impossible_count(&self) -> Option<String> {
        let evaluations = self.results.report.evaluations.iter();
        evaluations
            .filter_map(|it| {
                let classes = it.per_class.iter().map(|class| (class.correct, class.n));
                let own = [(it.correct, it.n), (it.correct_top5, it.n)];
                let (correct, n) = own
                    .into_iter()
                    .chain(classes)
                    .find(|(correct, n)| correct > n)?;
                let (protocol, set) = (&it.protocol.id, &it.dataset);
                Some(format!("{correct} of {n} ({protocol} on {set})"))
            })
            .next()
    }

    /// Marks the cell as begun, now.
    pub fn begin(&mut self, run: &Holder) {
        self.run = Some(run.clone());
        self.status = Status::Running;
        self.attempts += 1;
        self.started_unix_s = Some(now_unix_s());
        self.finished_unix_s = None;
        self.failure = None;
        self.format = FORMAT;
        self.versions = Versions::current();
    }

    /// Marks the cell as ended, now.
    pub fn end(&mut self, status: Status, failure: Option<Failure>) {
        self.status = status;
        self.finished_unix_s = Some(now_unix_s());
        self.failure = failure;
    }
}

fn now_unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn record_keeps_its_failure_until_the_cell_begins_again() {
        let mut record = CellRecord::pending("toy", 0, json!({}), "00");
        record.begin(&Holder::current());
        let failure = Failure {
            kind: FailureKind::Killed,
            message: "killed".to_owned(),
            log_tail: vec!["last words".to_owned()],
        };
        record.end(Status::Failed, Some(failure.clone()));
        assert_eq!(record.failure, Some(failure));
        record.begin(&Holder::current());
        assert_eq!((record.failure, record.attempts), (None, 2));
    }
}
