//! Published checkpoints: PyTorch files and safetensors, read without executing anything.
//!
//! A `.pth` is a pickle, and a pickle is a program. [`pickle`] runs the instructions that build
//! dictionaries, lists and tensor descriptions; whatever a state dict does not need becomes an empty
//! object, and nothing is executed. [`container`] finds pickle and tensor data in zip files
//! (torch ≥ 1.6), in legacy files (before) and in safetensors files.
//!
//! [`Checkpoint`] lists the file's dictionaries. `network` finds in them every network that has the
//! backbone's names (`names`) or those of the plugin's checkpoint map ([`mapping`]); `role` tells the
//! momentum encoder from the trained network by its place, and [`Selection`] says which is meant.
//! [`Imported`] checks the numbers (`health`), fills a backbone and reports what was used, unused,
//! missing and of another shape.

mod checkpoint;
pub mod container;
mod error;
mod health;
pub mod mapping;
mod names;
mod network;
pub mod pickle;
mod report;
mod role;
mod select;

pub use checkpoint::{Checkpoint, Entry, State};
pub use error::{ImportError, Result};
pub use report::{Imported, KeyReport, KeyShape, KeyUse};
pub use select::{Selection, WhichEncoder};
