//! What can be wrong with a checkpoint.

use std::path::PathBuf;

use super::report::KeyReport;
use crate::backbone::BackboneError;

/// Faults of an import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
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
    #[error("{}", with_cause(.0))]
    Safetensors(#[from] crate::tensorfile::TensorFileError),
    /// No key of the file is a tensor of the backbone.
    #[error(
        "expected the {wanted} tensors of a ResNet (`conv1.weight`, `layer1.0.conv1.weight`, …) behind any prefix, found none in {found} ({})", path.display()
    )]
    NoNetwork {
        /// How many tensors the backbone has.
        wanted: usize,
        /// What there is at the top.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// The network that is meant is not there, or several may be meant.
    #[error("expected {expected}, found {found} ({}); name the network with root and prefix", path.display())]
    Choice {
        /// What was wanted.
        expected: String,
        /// The networks that are there.
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
    /// A running variance is negative.
    #[error(
        "tensor `{name}`: expected variances >= 0, found {count} that are negative, the least {least}"
    )]
    NegativeVariance {
        /// The key.
        name: String,
        /// How many values.
        count: i64,
        /// The most negative one.
        least: f64,
    },
    /// The network does not hold the whole backbone.
    #[error(
        "expected every tensor of the backbone under {place}, found {report}{}; to import what there is, allow a partial match",
        also(others)
    )]
    Partial {
        /// Where the network is.
        place: String,
        /// The networks that would match; empty for none.
        others: String,
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

fn with_cause(error: &crate::tensorfile::TensorFileError) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn also(others: &str) -> String {
    match others {
        "" => String::new(),
        others => format!("; these would match: {others}"),
    }
}

/// Result of an import step.
pub type Result<T> = std::result::Result<T, ImportError>;
