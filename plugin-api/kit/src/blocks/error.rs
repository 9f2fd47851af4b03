//! What can go wrong in the building blocks.

use ssl_plugin_api::{Fault, FaultKind};

/// A building block was given something it cannot work with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// A tensor of another shape than the block works on.
    #[error("expected {what} of shape {expected}, found {found:?} ({at})")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// The shape wanted, with names for free dimensions.
        expected: String,
        /// The shape given.
        found: Vec<usize>,
        /// Which block.
        at: &'static str,
    },
    /// Batch statistics of a batch that is too small to have any.
    #[error("expected at least 2 rows for batch statistics, found {rows} ({at})")]
    BatchTooSmall {
        /// Rows over all ranks.
        rows: usize,
        /// Which block.
        at: &'static str,
    },
    /// A setting outside its range.
    #[error("expected {what} {expected}, found {found} ({at})")]
    Setting {
        /// Which setting.
        what: &'static str,
        /// Its range.
        expected: String,
        /// Its value.
        found: String,
        /// Which block.
        at: &'static str,
    },
    /// NaN or infinity where the block needs numbers.
    #[error("expected finite {what}, found NaN or infinity ({at})")]
    NotFinite {
        /// Which tensor.
        what: &'static str,
        /// Which block.
        at: &'static str,
    },
    /// A collective failed.
    #[error(transparent)]
    Collective(#[from] Fault),
}

impl From<BlockError> for Fault {
    fn from(error: BlockError) -> Self {
        let kind = match error {
            BlockError::Collective(fault) => return fault,
            BlockError::Shape { .. } | BlockError::BatchTooSmall { .. } => FaultKind::Shape,
            BlockError::Setting { .. } => FaultKind::Config,
            BlockError::NotFinite { .. } => FaultKind::Numeric,
        };
        Self::new(kind, error)
    }
}

/// Checks the number of columns of a matrix.
pub(crate) fn check_columns(
    found: [usize; 2],
    columns: usize,
    what: &'static str,
    at: &'static str,
) -> Result<(), BlockError> {
    if found[1] == columns {
        return Ok(());
    }
    Err(BlockError::Shape {
        what,
        expected: format!("[rows, {columns}]"),
        found: found.to_vec(),
        at,
    })
}

/// Checks that two shapes agree; `what` and `at` say in the message which tensor of which block.
///
/// # Errors
/// [`BlockError::Shape`] when they do not.
pub fn check_same<const D: usize>(
    found: [usize; D],
    expected: [usize; D],
    what: &'static str,
    at: &'static str,
) -> Result<(), BlockError> {
    if found == expected {
        return Ok(());
    }
    Err(BlockError::Shape {
        what,
        expected: format!("{expected:?}"),
        found: found.to_vec(),
        at,
    })
}
