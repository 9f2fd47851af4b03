//! Published checkpoints: PyTorch files and safetensors, read without executing anything.
//!
//! A `.pth` is a pickle, and a pickle is a program. [`pickle`] runs the few instructions that build
//! dictionaries, lists and tensor descriptions, and refuses every other one, and every class or
//! function that a state dict does not need, by name. [`container`] finds pickle and tensor data in
//! zip files (torch ≥ 1.6), in legacy files (before) and in safetensors files. [`Checkpoint`]
//! chooses the state dict and [`mapping`] renames its keys as the plugin's checkpoint map says;
//! [`Imported`] fills a backbone and tells what was used, unused, missing and of another shape.

mod checkpoint;
pub mod container;
mod error;
pub mod mapping;
pub mod pickle;
mod report;

pub use checkpoint::{Checkpoint, Entry};
pub use error::{ImportError, Result};
pub use report::{Imported, KeyReport, KeyUse};
