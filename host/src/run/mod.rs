//! The whole benchmark: its cells, each in a process of its own, and their outcomes.
//!
//! [`Supervisor`] takes planned cells and, for each that the ledger does not have, starts this same
//! program with the hidden subcommand `cell` and a [`Job`] file. The cell's process claims the cell, so that
//! any number of runs may share a ledger, reports its progress as [`Event`]s on its standard output and
//! records its own end; its standard error goes to a log in its directory. A cell that crashes, hangs or is
//! killed is marked with the reason, and the rest goes on. Closing a cell's standard input asks it to write a
//! checkpoint and end.

mod attempt;
mod cancel;
pub mod cell;
mod checkpoints;
mod child;
mod cores;
mod crew;
mod data;
mod error;
mod event;
mod features;
pub mod files;
pub mod forecast;
mod job;
mod outcome;
mod plan;
mod planned;
mod progress;
mod ranks;
mod shard;
mod stage_clock;
pub mod summary;
mod supervise;

pub use attempt::carry_out;
pub use cancel::Cancel;
pub use cores::crowded;
pub use crew::{Lead, follow};
pub use data::prepare;
pub use error::RunError;
pub use event::{Event, EventListener, Stage, StdoutEvents};
pub use job::{
    CellConfig, CheckpointSubject, EvaluationConfig, FeaturesSubject, Job, Setup, Subject,
};
pub use outcome::CellOutcome;
pub use plan::plan;
pub use planned::{Elsewhere, PlannedCell};
pub use progress::ProgressDisplay;
pub use ranks::start_ranks;
pub use shard::{Shard, ShardError};
pub use supervise::Supervisor;
