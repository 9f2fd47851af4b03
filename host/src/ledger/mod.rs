//! The ledger: one directory per cell (framework, seed, resolved configuration), so that nothing
//! computed is lost or computed twice.
//!
//! ```text
//! OUT/
//!   bench.json                            the resolved benchmark
//!   plan.json                             the cells that it asks for
//!   cells/simclr-0-1f2e3d4c/cell.json     the record: status, configuration, results
//!   cells/simclr-0-1f2e3d4c/…             log, checkpoints, metrics, predictions
//! ```
//!
//! A directory's name ends with the hash of the cell's resolved configuration: change the
//! configuration and another cell is computed, change it back and the old one is found. Records are
//! replaced atomically and carry a digest of their bytes, which is checked when they are read.
//!
//! Any number of runs may use a ledger at once. A cell belongs to the process that computes it, from its claim
//! to its record: it holds the lock of the cell's folder, reads the record again, and alone writes there.

mod cell_dir;
mod data;
mod error;
mod holder;
mod lease;
mod lock;
mod plan;
mod record;
mod store;

pub use cell_dir::CellDir;
pub use data::{DataFacts, LeftOut, TrainImages};
pub use error::LedgerError;
pub use holder::Holder;
pub use lock::FolderLock;
pub use plan::Plan;
pub use record::{
    BoundMemory, CellRecord, Failure, FailureKind, PluginStamp, Results, Status, Versions,
};
pub use store::{Ledger, Records};
