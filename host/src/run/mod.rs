//! The whole benchmark: its cells, each in a process of its own, and their outcomes.
//!
//! [`Supervisor`] takes planned cells and, for each that the ledger does not have, starts this same
//! program with the hidden subcommand `cell` and a [`Job`] file. The cell reports its progress as
//! [`Event`]s on its standard output and leaves an [`CellOutcome`] in its directory; its standard error
//! goes to a log there. A cell that crashes, hangs or is killed is marked with the reason, and the
//! rest goes on. Closing a cell's standard input asks it to write a checkpoint and end.

mod cancel;
pub mod cell;
mod checkpoints;
mod child;
mod cores;
mod data;
mod error;
mod event;
pub mod files;
mod job;
mod outcome;
mod plan;
mod progress;
mod stage_clock;
pub mod summary;
mod supervise;

pub use cancel::Cancel;
pub use cores::crowded;
pub use data::prepare;
pub use error::RunError;
pub use event::{Event, EventListener, Stage, StdoutEvents};
pub use job::{CellConfig, CheckpointSubject, EvaluationConfig, Job, Setup, Subject};
pub use outcome::CellOutcome;
pub use plan::plan;
pub use progress::ProgressDisplay;
pub use supervise::{PlannedCell, Supervisor};
