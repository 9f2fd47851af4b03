//! `cell`: one cell, in a process of its own. `run` starts it.

use super::exit::{Exit, Failure};
use crate::ledger::FolderLock;
use crate::run::{Cancel, CellOutcome, Job, StdoutEvents, cell};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// How long the cell's folder is waited for: a process of an earlier run may be about to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Compute one cell; started by `run`
#[derive(Args, Debug)]
pub struct Cell {
    /// The job, written by `run`
    #[arg(long, value_name = "FILE")]
    job: PathBuf,
}

impl Cell {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let job = self.read()?;
        let cancel = Cancel::default();
        if let Err(error) = cancel.on_signals() {
            tracing::warn!("signals are not handled: {error}");
        }
        cancel.on_closed_input();
        // Until this process ends, no other one computes in the cell's folder.
        let lock = FolderLock::take(&job.dir, PATIENCE)?;
        let outcome: CellOutcome = cell::execute(&job, &mut StdoutEvents, &cancel);
        if !lock.is_held() {
            return Err(Failure::message(
                Exit::Interrupted,
                format!("{} was taken from this process", job.dir.display()),
                "nothing was written there; run the benchmark again",
            ));
        }
        outcome.write(&job.dir).map_err(|error| {
            let help = "check that the directory may be written and the disk has room";
            Failure::with_help(Exit::BadInput, error, help)
        })?;
        Ok(outcome.exit())
    }

    fn read(&self) -> Result<Job, Failure> {
        let help = "job files are written by `ssl-lottery run`; start that instead";
        let text = std::fs::read(&self.job)
            .map_err(|error| Failure::with_help(Exit::BadInput, error, help))?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::with_help(Exit::BadInput, error, help))
    }
}
