//! The outcome of a cell: written by its process, or derived from how the process ended.

use super::event::Stage;
use crate::checksum;
use crate::exit::Exit;
use crate::ledger::{CellRecord, Failure, FailureKind, PluginStamp, Results, Status};
use crate::process::{Ended, signal};
use crate::terminal::plain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitStatus;

/// The name of the file in the cell's directory.
pub const OUTCOME_FILE: &str = "outcome.json";
/// The name of the cell's log.
pub const LOG_FILE: &str = "cell.log";
/// Lines of the log that are kept in the record of a failure.
const TAIL_LINES: usize = 8;
/// Bytes at the end of the log that are read for them.
const TAIL_BYTES: u64 = 64 << 10;

/// The outcome of one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellOutcome {
    /// `done`, `failed`, or `pending` when it was interrupted in good order.
    pub status: Status,
    /// The fault, when it failed.
    pub failure: Option<Failure>,
    /// The plugin's file.
    pub plugin: Option<PluginStamp>,
    /// Seconds by stage.
    pub timings_s: BTreeMap<Stage, f64>,
    /// What was found out.
    pub results: Results,
}

impl CellOutcome {
    /// An attempt that failed before it found anything out.
    #[must_use]
    pub fn failed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            status: Status::Failed,
            failure: Some(Failure::new(kind, message)),
            plugin: None,
            timings_s: BTreeMap::new(),
            results: Results::default(),
        }
    }

    /// An attempt that stopped when it was asked to.
    #[must_use]
    pub fn interrupted() -> Self {
        Self {
            status: Status::Pending,
            failure: None,
            ..Self::failed(FailureKind::Host, "")
        }
    }

    /// The code with which a cell's process ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match (self.status, &self.failure) {
            (Status::Done, _) => Exit::Done,
            (_, Some(failure)) => failure.kind.exit(),
            (_, None) => Exit::Interrupted,
        }
    }

    /// Writes the outcome into the cell's directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        checksum::write_json(&dir.join(OUTCOME_FILE), self)
    }

    /// What became of an attempt whose process `ended` so: what it wrote down, or else what its
    /// end tells. `asked` says whether it was asked to stop.
    #[must_use]
    pub fn judge(ended: Ended, dir: &Path, asked: bool) -> Self {
        let written = fs::read(dir.join(OUTCOME_FILE))
            .ok()
            .and_then(|text| checksum::read_json::<Self>(&text).ok());
        let mut outcome = match (ended, written) {
            // A fault after the outcome was written (a plugin's destructor) spoils nothing.
            (Ended::Exited(_), Some(outcome)) => outcome,
            (Ended::Exited(status), None) => died(status, asked),
            (Ended::Stalled, _) => Self::failed(
                FailureKind::Hung,
                "the cell reported no progress for longer than `run.stall_s` and was ended",
            ),
            (Ended::TookTooLong, _) => Self::failed(
                FailureKind::Hung,
                "the cell took longer than `run.timeout_s` and was ended",
            ),
            (Ended::DidNotStop, _) => Self::interrupted(),
        };
        if let Some(failure) = &mut outcome.failure {
            failure.log_tail = tail(&dir.join(LOG_FILE));
        }
        outcome
    }

    /// Enters the outcome into the cell's record.
    pub fn enter(self, record: &mut CellRecord) {
        for (stage, seconds) in self.timings_s {
            *record
                .timings_s
                .entry(stage.name().to_owned())
                .or_insert(0.0) += seconds;
        }
        if self.plugin.is_some() {
            record.plugin = self.plugin;
        }
        if self.status == Status::Done {
            record.results = self.results;
        }
        record.end(self.status, self.failure);
    }
}

fn died(status: ExitStatus, asked: bool) -> CellOutcome {
    match (signal(status), status.code()) {
        (Some((9, name)), _) => CellOutcome::failed(
            FailureKind::Killed,
            format!(
                "the cell was killed by signal 9 ({name}), most often by the system because memory ran out"
            ),
        ),
        (Some((number, name)), _) => CellOutcome::failed(
            FailureKind::Crashed,
            format!("the cell was ended by signal {number} ({name})"),
        ),
        // A plugin may end its process with any code; only who was asked to stop was interrupted.
        (None, code) if asked && code == Some(Exit::Interrupted as i32) => {
            CellOutcome::interrupted()
        }
        (None, code) => CellOutcome::failed(
            FailureKind::Crashed,
            format!(
                "the cell ended with exit code {} before it had a result",
                code.unwrap_or_default()
            ),
        ),
    }
}

impl FailureKind {
    /// The exit code for a fault of this kind.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Input => Exit::BadInput,
            Self::Plugin | Self::Crashed | Self::Killed | Self::Hung | Self::Host => {
                Exit::PluginFault
            }
        }
    }
}

/// The last lines of a log that say something.
fn tail(path: &Path) -> Vec<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    lines[first..].iter().map(|line| plain(line)).collect()
}
