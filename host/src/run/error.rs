//! What can go wrong with a run as a whole; faults of a cell are in its record.

use crate::config::BenchmarkFault;
use crate::ledger::LedgerError;
use std::path::PathBuf;

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RunError {
    /// The benchmark names what no plugin has, or configures a plugin wrongly.
    #[error("{} {} in the benchmark", faults.len(), if faults.len() == 1 { "fault" } else { "faults" })]
    Plan {
        /// All of them.
        #[related]
        faults: Vec<BenchmarkFault>,
    },
    /// Data sets that cannot be used.
    #[error("{} {} in the data", faults.len(), if faults.len() == 1 { "fault" } else { "faults" })]
    Data {
        /// All of them.
        #[related]
        faults: Vec<BenchmarkFault>,
    },
    /// The ledger could not be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A cell's process could not be started.
    #[error("failed to start {program} for a cell", program = program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A thread that carried cells out has ended early.
    #[error("expected every cell to be carried out, found a thread that ended early")]
    Thread,
    /// A file of the run could not be written.
    #[error("failed to write {path}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
