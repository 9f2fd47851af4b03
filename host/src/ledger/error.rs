//! What can go wrong with a ledger.

use crate::checksum::Damage;
use std::io;
use std::path::{Path, PathBuf};

/// Attaches the file and what was done with it to an I/O error.
pub(super) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> LedgerError + use<> {
    let path = path.to_owned();
    move |source| LedgerError::Io {
        action,
        path,
        source,
    }
}

/// Why a ledger could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file system refused.
    #[error("failed to {action} {path}", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process holds the folder.
    #[error("expected {path} to be free, found it in use by {holder}", path = path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
        /// Who holds it, as far as known.
        holder: String,
    },
    /// The folder was removed, or taken over, while this process worked in it.
    #[error("{path} was taken from this process, which has published nothing there", path = path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// A record cannot be read.
    #[error("expected a cell record in {path}, found something else", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Where and why it was refused.
        #[source]
        source: serde_json::Error,
    },
    /// The bytes are not those that were written.
    #[error("expected what was written to {path}, found {damage}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A record counts more right answers than images.
    #[error("expected at most as many right answers as images in {path}, found {found}", path = path.display())]
    Counts {
        /// The file.
        path: PathBuf,
        /// The count.
        found: String,
    },
    /// A record was written in a later format.
    #[error("expected a cell record of format {expected} in {path}, found format {found}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The newest format known.
        expected: u32,
        /// The format found.
        found: u32,
    },
    /// A record cannot be written as JSON.
    #[error("failed to write {what} as JSON")]
    Serialize {
        /// What was to be written.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}
