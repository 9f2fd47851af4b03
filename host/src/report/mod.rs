//! From a ledger to the input of a report, and the command.
//!
//! What a report says and how it looks is the crate `ssl-report`'s concern.

mod cells;
mod circumstances;
pub mod command;
mod error;
mod ledger;
pub mod page;
mod predictions;
mod request;
mod rows;
mod settings;
mod verification;

pub use error::SourceError;
pub(crate) use ledger::stands_for_set;
pub use ledger::{Selection, read_ledger, read_ledgers};
pub use request::Request;
pub(crate) use rows::{is_run, row_name};
pub(crate) use verification::verification;
