//! Batches of views, filled by worker threads.
//!
//! A [`TrainLoader`] gives the views of an epoch in a seeded random order; an [`EvalLoader`] gives
//! every sample once, in order. What a batch holds depends on (seed, epoch, sample, view) alone: any
//! number of workers gives the same bytes. At most `prefetch` finished batches wait; then the
//! workers do. An image that cannot be read ends the epoch with its name; a set is freed of such images
//! before it is loaded ([`undecodable`](crate::check::undecodable)). Buffers come back when a [`Batch`] is dropped and are used again.

mod batch;
mod config;
mod engine;
mod epoch;
mod fill;
mod memory;
mod order;

pub use batch::{Batch, ViewBuffer};
pub use config::LoaderConfig;
pub use engine::Batches;
pub use epoch::{EpochOptions, EvalLoader, TrainLoader};
pub use fill::images_loaded;
pub use memory::{Memory, Ordinary, Pixels, Region};
