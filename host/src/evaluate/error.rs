//! What can go wrong while evaluating.

use crate::progress::Stopped;
use std::path::{Path, PathBuf};

/// Faults of the evaluation, phrased to follow "failed to evaluate:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// Features and labels (or ids) do not belong together.
    #[error("expected {expected} {what} as there are features, found {found} ({set})")]
    Count {
        /// What was counted.
        what: &'static str,
        /// Rows of the features.
        expected: usize,
        /// Entries found.
        found: usize,
        /// The data set.
        set: String,
    },
    /// The features are not a matrix of the expected width.
    #[error("expected features of shape [samples, {expected}], found {found:?} ({set})")]
    Shape {
        /// Width expected, or `dim` where any will do.
        expected: String,
        /// Shape found.
        found: Vec<i64>,
        /// The data set.
        set: String,
    },
    /// NaN or infinity among the features.
    #[error(
        "expected finite features, found {count} rows with NaN or infinity, the first is row {first} ({set})"
    )]
    NotFinite {
        /// Rows concerned.
        count: usize,
        /// The first of them.
        first: usize,
        /// The data set.
        set: String,
    },
    /// A label is outside the label space.
    #[error("expected labels below {classes}, found {label} at sample {sample}")]
    Label {
        /// Size of the label space.
        classes: usize,
        /// The label.
        label: u32,
        /// The sample.
        sample: usize,
    },
    /// A label is outside the class subset of its data set.
    #[error(
        "expected labels within the {classes} classes of the subset, found {label} at sample {sample}"
    )]
    OutsideSubset {
        /// Size of the subset.
        classes: usize,
        /// The label.
        label: u32,
        /// The sample.
        sample: usize,
    },
    /// The class subset is empty, unsorted, repeats a class or leaves the label space.
    #[error("expected a strictly ascending class subset within 0..{classes}, found {found}")]
    Subset {
        /// Size of the label space.
        classes: usize,
        /// What was found.
        found: String,
    },
    /// A training sample without exactly one label.
    #[error("expected one label per training sample, found {found} at sample {sample}")]
    NotSingle {
        /// Number of labels found.
        found: usize,
        /// The sample.
        sample: usize,
    },
    /// A test set's label space differs from the one trained on.
    #[error("expected a label space of {expected} classes as in training, found {found} ({set})")]
    LabelSpace {
        /// Classes of the training set.
        expected: usize,
        /// Classes of the test set.
        found: usize,
        /// The test set.
        set: String,
    },
    /// A setting is out of range.
    #[error("`{key}`: expected {expected}, found {found}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Allowed values.
        expected: &'static str,
        /// Value found.
        found: String,
    },
    /// Too few samples.
    #[error("expected at least {expected} samples, found {found} ({set})")]
    TooFew {
        /// Samples needed.
        expected: usize,
        /// Samples found.
        found: usize,
        /// The data set.
        set: String,
    },
    /// Every learning rate of the grid diverged.
    #[error("all {heads} linear heads diverged; are the features of a sensible scale?")]
    AllDiverged {
        /// Heads in the grid.
        heads: usize,
    },
    /// The loader failed.
    #[error("the loader failed after {samples} samples")]
    Loader {
        /// Samples seen before.
        samples: usize,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The backbone failed.
    #[error("the backbone failed after {samples} samples")]
    Forward {
        /// Samples seen before.
        samples: usize,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file of tensors could not be read.
    #[error(transparent)]
    Tensors(#[from] crate::tensorfile::TensorFileError),
    /// A prediction or feature file is not what it should be.
    #[error("expected {expected}, found {found} ({})", path.display())]
    File {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// The columnar format refused.
    #[error("cannot {action} the predictions in {}", path.display())]
    Columns {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// The work was asked to stop.
    #[error("the evaluation was asked to stop")]
    Cancelled,
    /// The optimiser refused.
    #[error(transparent)]
    Optimizer(#[from] crate::optim::OptimError),
    /// The backbone refused.
    #[error(transparent)]
    Backbone(#[from] crate::backbone::BackboneError),
    /// The data could not be loaded.
    #[error(transparent)]
    Data(#[from] ssl_datasets::DataError),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] tch::TchError),
}

impl From<Stopped> for EvaluateError {
    fn from(_: Stopped) -> Self {
        Self::Cancelled
    }
}

impl EvaluateError {
    /// Attaches the file and what was done with it to an I/O error.
    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// Result of an evaluation step.
pub type Result<T> = std::result::Result<T, EvaluateError>;
