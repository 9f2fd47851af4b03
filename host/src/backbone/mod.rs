//! Residual networks with torchvision's parameter names, without a classifier.
//!
//! A [`Backbone`] owns its parameters and buffers as a flat, ordered list of named tensors, so that
//! copies (the momentum encoder), files and optimisers need no further machinery.

mod config;
mod error;
mod forward;
mod inference;
mod init;
mod plan;
mod registry;
mod window;

pub use config::{BackboneConfig, ComputePrecision, Depth, Stem};
pub use error::{BackboneError, ImportReport, WrongShape};
pub use forward::Features;
pub use inference::Inference;
pub use registry::{Backbone, Named};
