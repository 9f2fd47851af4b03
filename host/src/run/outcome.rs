//! The outcome of an attempt at a cell: what its process found out, or what the process's end tells.

use super::event::Stage;
use crate::exit::Exit;
use crate::ledger::{CellRecord, Failure, FailureKind, PluginStamp, Results, Status};
use crate::process::{Ended, signal};
use crate::terminal::plain;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitStatus;

/// Lines of the log that are kept in the record of a failure.
const TAIL_LINES: usize = 8;
/// Bytes at the end of the log that are read for them.
const TAIL_BYTES: u64 = 64 << 10;

/// The outcome of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct CellOutcome {
    /// `done`, `failed`, or `pending` when it was interrupted in good order.
    pub status: Status,
    /// The fault, when it failed.
    pub failure: Option<Failure>,
    /// The plugin's file.
    pub plugin: Option<PluginStamp>,
    /// Seconds by stage.
    pub timings_s: BTreeMap<Stage, f64>,
    /// Images loaded by stage.
    pub images: BTreeMap<Stage, u64>,
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
            images: BTreeMap::new(),
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

    /// What became of an attempt whose process `ended` so before it had recorded anything. `asked` says
    /// whether it was asked to stop.
    #[must_use]
    pub fn judge(ended: Ended, asked: bool) -> Self {
        match ended {
            Ended::Exited(status) => died(status, asked),
            Ended::Stalled => Self::failed(
                FailureKind::Hung,
                "the cell reported no progress for longer than `run.stall_s` and was ended",
            ),
            Ended::TookTooLong => Self::failed(
                FailureKind::Hung,
                "the cell took longer than `run.timeout_s` and was ended",
            ),
            Ended::DidNotStop => Self::interrupted(),
            Ended::OutOfMemory => {
                Self::failed(FailureKind::Killed, "the cell was killed: out of memory")
            }
        }
    }

    /// Gives a failure the last lines of the process's log.
    pub fn quote(&mut self, log: &Path) {
        if let Some(failure) = &mut self.failure {
            failure.log_tail = tail(log);
        }
    }

    /// Enters the outcome into the cell's record.
    pub fn enter(self, record: &mut CellRecord) {
        for (stage, seconds) in self.timings_s {
            *record
                .timings_s
                .entry(stage.name().to_owned())
                .or_insert(0.0) += seconds;
        }
        for (stage, images) in self.images {
            *record.images.entry(stage.name().to_owned()).or_default() += images;
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
