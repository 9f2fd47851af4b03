//! One attempt at a cell: claimed, begun, carried out, and its end recorded, all by the process that computes
//! it. What such a process cannot record itself, because it died, its parent does.

use super::cancel::Cancel;
use super::cell;
use super::event::{EventListener, Stage};
use super::job::Job;
use super::outcome::CellOutcome;
use crate::atomic;
use crate::exit::Exit;
use crate::ledger::{BoundMemory, CellDir, CellRecord, FolderLock, LedgerError, Status};
use crate::process::{Ended, MemoryBound};
use ssl_distributed::Launch;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The name of a cell's log.
pub(super) const LOG_FILE: &str = "cell.log";
/// The name of the file that says what a cell was asked for.
const JOB_FILE: &str = "job.json";
/// How long a cell's folder is waited for: whoever looks at a lock has it for a moment.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a parent waits for the folder of its child, which has ended.
const PATIENCE_AFTER: Duration = Duration::from_secs(10);

/// Claims the cell, computes what its record lacks and records the end. `log` is where this process's standard
/// error goes, under a private name; it gets its public one with the claim. `launch` is this process's place among
/// those that pretrain the cell together, of which it is the first.
///
/// # Errors
/// [`LedgerError::Busy`] when another process has the cell; [`LedgerError::Taken`] when it was taken from this
/// one; what the file system says. A fault of the cell is no error but its record's end.
pub fn carry_out(
    job: &Job,
    log: Option<&Path>,
    launch: Option<&Launch>,
    listener: &mut dyn EventListener,
    cancel: &Cancel,
) -> Result<CellRecord, LedgerError> {
    let dir = CellDir::at(job.dir.clone());
    let claim = dir.claim(PATIENCE)?;
    // Whoever had it may have finished it since it was planned.
    let mut record = job.record()?;
    if record.unreadable || job.is_met_by(&record) {
        return Ok(record);
    }
    atomic::sweep_below(&job.dir);
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source| LedgerError::Io {
            action: "write",
            path,
            source,
        }
    };
    let public = dir.file(LOG_FILE);
    publish_log(log, &public).map_err(io_error(&public))?;
    job.begin(&mut record);
    // Only a process of its own is bounded.
    record.memory = log.and_then(|_| bound_memory(job));
    dir.write(&record)?;
    let asked = dir.file(JOB_FILE);
    serde_json::to_vec_pretty(job)
        .map_err(io::Error::other)
        .and_then(|text| atomic::write(&asked, &text))
        .map_err(io_error(&asked))?;
    let mut outcome = cell::execute(job, launch, listener, cancel);
    if log.is_some() {
        outcome.quote(&public);
    }
    end(&dir, &claim, job, record, outcome)
}

/// What became of a cell whose process `ended` so, as its record says; where the process could not say it, the
/// record is given its end here. `log` is the private name of the process's log, `asked` whether it was asked
/// to stop, `timings` what its parent knows of the time that it took.
///
/// # Errors
/// [`LedgerError::Busy`] when another process has the cell; what the file system says.
pub(super) fn settle(
    job: &Job,
    ended: Ended,
    log: &Path,
    asked: bool,
    timings: impl FnOnce() -> BTreeMap<Stage, f64>,
) -> Result<CellRecord, LedgerError> {
    let dir = CellDir::at(job.dir.clone());
    let claim = dir.claim(PATIENCE_AFTER)?;
    let mut record = job.record()?;
    let begun = record.run.as_ref() == Some(&job.setup.run);
    if record.unreadable || job.is_met_by(&record) || (begun && record.status != Status::Running) {
        return Ok(record);
    }
    if !begun {
        let refused =
            |status: std::process::ExitStatus| status.code() == Some(Exit::Interrupted as i32);
        match ended {
            // It found the cell busy, and who was at it has gone.
            Ended::Exited(status) if refused(status) && !asked => {
                return Err(LedgerError::Busy {
                    path: job.dir.clone(),
                    holder: "a process that has ended".to_owned(),
                });
            }
            Ended::Exited(status) if refused(status) => return Ok(record),
            _ => job.begin(&mut record),
        }
        record.memory = bound_memory(job);
        let public = dir.file(LOG_FILE);
        // Without it the record has no last words.
        let _ = publish_log(Some(log), &public);
    }
    let mut outcome = CellOutcome::judge(ended, asked);
    outcome.quote(&dir.file(LOG_FILE));
    outcome.timings_s = timings();
    end(&dir, &claim, job, record, outcome)
}

/// Enters an outcome into the record and writes it, if the cell is still this process's.
fn end(
    dir: &CellDir,
    claim: &FolderLock,
    job: &Job,
    mut record: CellRecord,
    mut outcome: CellOutcome,
) -> Result<CellRecord, LedgerError> {
    if let (Some(bound), Some(failure)) = (&record.memory, &mut outcome.failure) {
        failure.blame_memory(bound);
    }
    outcome.enter(&mut record);
    if record.status == Status::Done {
        record.evaluation = job.evaluation_settings()?;
    }
    if !claim.is_held() {
        return Err(LedgerError::Taken {
            path: dir.path().to_owned(),
        });
    }
    dir.write(&record)?;
    Ok(record)
}

/// The limit of the cell's process, and what holds it.
fn bound_memory(job: &Job) -> Option<BoundMemory> {
    job.setup.memory.map(|limit| BoundMemory {
        limit: limit.to_string(),
        by: MemoryBound::here(),
    })
}

/// Puts a process's log in the place of the last attempt's, whose log goes in any case.
fn publish_log(private: Option<&Path>, public: &Path) -> io::Result<()> {
    match private {
        Some(private) => fs::rename(private, public),
        None => match fs::remove_file(public) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}
