//! Why a run could not be reported on.

use std::path::PathBuf;

use ssl_report::ReportError;

/// Why a report could not be made from the command line's sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A table or a report that is refused.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A ledger that cannot be read.
    #[error(transparent)]
    Ledger(#[from] crate::ledger::LedgerError),
    /// Predictions that cannot be read.
    #[error("cannot read the predictions: {0}")]
    Evaluate(#[source] crate::evaluate::EvaluateError),
    /// A file of predictions that does not belong to the record beside it.
    #[error(
        "{cell}: expected {expected}, found {found} ({}); the file was damaged, or is another cell's: `run \
         --redo {cell}` computes the cell anew",
        path.display()
    )]
    Predictions {
        /// The cell.
        cell: String,
        /// What the record says.
        expected: String,
        /// What the file is.
        found: String,
        /// The file.
        path: PathBuf,
    },
}
