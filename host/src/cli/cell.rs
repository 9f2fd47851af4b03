//! `cell`: one cell, in a process of its own. `run` starts it.

use super::exit::{Exit, Failure};
use super::launched;
use crate::ledger::{Failure as CellFailure, Status};
use crate::run::{Cancel, Job, StdoutEvents, carry_out, cell, start_ranks};
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
        let launch = launched::launch()?;
        if launch.is_none() && job.setup.processes > 1 && job.pretrains() {
            cancel.on_closed_input();
            return start_ranks(&self.job, self.log.as_deref(), job.setup.processes, &cancel)
                .map_err(|error| {
                    let help =
                        "check that processes can be started; set `run.processes = 1` otherwise";
                    Failure::with_help(Exit::PluginFault, error, help)
                });
        }
        if launch.as_ref().is_some_and(|launch| launch.rank > 0) {
            if !job.pretrains() {
                return Ok(Exit::Done);
            }
            // The first process hears when the run is to stop, and tells.
            let outcome = cell::execute(&job, launch.as_ref(), &mut |_| {}, &cancel);
            if let Some(failure) = &outcome.failure {
                tracing::error!("{}", failure.message);
            }
            return Ok(exit(outcome.status, outcome.failure.as_ref()));
        }
        cancel.on_closed_input();
        let log = self.log.as_deref();
        let record = carry_out(&job, log, launch.as_ref(), &mut StdoutEvents, &cancel)?;
        Ok(exit(record.status, record.failure.as_ref()))
    }

    fn read(&self) -> Result<Job, Failure> {
        let help = "job files are written by `ssl-lottery run`; start that instead";
        let text = std::fs::read(&self.job)
            .map_err(|error| Failure::with_help(Exit::BadInput, error, help))?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::with_help(Exit::BadInput, error, help))
    }
}

/// The code with which a cell's process ends.
const fn exit(status: Status, failure: Option<&CellFailure>) -> Exit {
    match (status, failure) {
        (Status::Done, _) => Exit::Done,
        (_, Some(failure)) => failure.kind.exit(),
        (_, None) => Exit::Interrupted,
    }
}
