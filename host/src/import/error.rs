//! What can be wrong with a checkpoint.

use std::path::PathBuf;

use super::report::KeyReport;
use crate::backbone::BackboneError;

/// Faults of an import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is none of the known formats, or damaged.
    #[error("expected {expected}, found {found} ({})", path.display())]
    Format {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// The pickle inside is not acceptable.
    #[error("{source} ({})", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: super::pickle::PickleError,
    },
    /// The safetensors file is damaged.
    #[error(transparent)]
    Safetensors(#[from] crate::tensorfile::TensorFileError),
    /// No state dict where the checkpoint map looks for one.
    #[error("expected a state dict under one of {roots}, found the keys {found} ({})", path.display())]
    NoState {
        /// Where it was looked for.
        roots: String,
        /// What there is at the top.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A rename of the checkpoint map is not a regular expression.
    #[error("checkpoint map: `{pattern}` is not a regular expression")]
    Rename {
        /// The pattern.
        pattern: String,
        /// Why.
        #[source]
        source: Box<regex::Error>,
    },
    /// Two keys end up with the same name.
    #[error("checkpoint map: both `{first}` and `{second}` become `{name}`")]
    Collision {
        /// One key.
        first: String,
        /// The other.
        second: String,
        /// Their common new name.
        name: String,
    },
    /// A tensor's description does not fit its data.
    #[error("tensor `{name}`: expected {expected}, found {found}")]
    Tensor {
        /// The key.
        name: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A weight is NaN or infinite.
    #[error("tensor `{name}`: expected finite weights, found {count} that are NaN or infinite")]
    NotFinite {
        /// The key.
        name: String,
        /// How many values.
        count: i64,
    },
    /// The checkpoint does not hold the whole backbone.
    #[error(
        "expected every tensor of the backbone, found {report}; to import what there is, allow a partial match"
    )]
    Partial {
        /// What was found.
        report: Box<KeyReport>,
    },
    /// The backbone refused the tensors.
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    /// libtorch refused.
    #[error(transparent)]
    Torch(#[from] tch::TchError),
}

/// Result of an import step.
pub type Result<T> = std::result::Result<T, ImportError>;
