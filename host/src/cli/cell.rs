//! `cell`: one cell, in a process of its own. `run` starts it.

use super::exit::{Exit, Failure};
use crate::ledger::Status;
use crate::run::{Cancel, Job, StdoutEvents, carry_out};
use clap::Args;
use std::path::PathBuf;

/// Compute one cell; started by `run`
#[derive(Args, Debug)]
pub struct Cell {
    /// The job, written by `run`
    #[arg(long, value_name = "FILE")]
    job: PathBuf,
    /// Where this process's standard error goes; named `cell.log` when the cell is claimed
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

impl Cell {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let job = self.read()?;
        let cancel = Cancel::default();
        if let Err(error) = cancel.on_signals() {
            tracing::warn!("signals are not handled: {error}");
        }
        cancel.on_closed_input();
        let record = carry_out(&job, self.log.as_deref(), &mut StdoutEvents, &cancel)?;
        Ok(match (record.status, &record.failure) {
            (Status::Done, _) => Exit::Done,
            (_, Some(failure)) => failure.kind.exit(),
            (_, None) => Exit::Interrupted,
        })
    }

    fn read(&self) -> Result<Job, Failure> {
        let help = "job files are written by `ssl-lottery run`; start that instead";
        let text = std::fs::read(&self.job)
            .map_err(|error| Failure::with_help(Exit::BadInput, error, help))?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::with_help(Exit::BadInput, error, help))
    }
}
