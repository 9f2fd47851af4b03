//! Pretraining, driven by a framework's description alone.
//!
//! One step: views from the loader → features of online and target backbone as the description
//! asks for them → the framework's loss and gradients → the gradients through the backbone → the
//! optimiser over backbone and heads → momentum averages. [`run`] does this for all epochs, with
//! feature passes where the framework wants them, and leaves checkpoints from which it goes on at any
//! step.
//!
//! With several ranks each one takes its part of every batch; gradients are averaged before the optimiser sees them,
//! and the first rank writes what is written.

mod checkpoint;
mod collapse;
mod collectives;
mod encode;
mod error;
mod event_file;
mod export;
mod heads;
mod job;
mod knn_monitor;
mod metrics_log;
mod own_state;
mod pass_log;
mod passes;
mod peers;
mod pinned;
mod position;
mod resume;
mod session;
mod shuffle;
mod trainer;
mod watch;

pub use crate::progress::{NoProgress, Progress};
pub use checkpoint::CHECKPOINT_FILE;
pub use collapse::Spread;
pub use collectives::Collectives;
pub use error::PretrainError;
pub use job::{PretrainJob, PretrainOutcome};
pub use knn_monitor::KnnMonitorConfig;
pub use session::run;
