//! What can go wrong with a backbone.

use ssl_distributed::DistributedError;
use std::fmt;
use tch::TchError;

/// A fault of a backbone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackboneError {
    /// The width multiplier is out of range.
    #[error("expected a backbone width in (0, 8], found {found}")]
    Width {
        /// What was given.
        found: f64,
    },
    /// The images have another shape or element type.
    #[error("expected images of shape [batch, 3, height, width] in f32, found {shape:?} in {kind}")]
    Images {
        /// Their shape.
        shape: Vec<i64>,
        /// Their element type.
        kind: String,
    },
    /// Train-mode batch norm needs more than one value per channel.
    #[error(
        "expected more than one value per channel for train-mode batch norm, found a batch of 1 with {size}x{size} images (use a batch of at least 2)"
    )]
    BatchTooSmall {
        /// Side of the images.
        size: i64,
    },
    /// The tensors offered do not fit the architecture.
    #[error("{0}")]
    Import(ImportReport),
    /// Two backbones that should be copies of each other differ in architecture.
    #[error("expected two backbones of one architecture, found {ours} and {theirs} tensors")]
    Mismatch {
        /// Tensors on this side.
        ours: usize,
        /// Tensors on the other side.
        theirs: usize,
    },
    /// The statistics of the other ranks did not come.
    #[error(transparent)]
    Ranks(DistributedError),
    /// libtorch refused an operation.
    #[error("libtorch failed in {operation}")]
    Torch {
        /// Which operation.
        operation: &'static str,
        /// Why.
        source: TchError,
    },
}

/// A tensor of the wrong shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongShape {
    /// The tensor.
    pub name: String,
    /// Shape in the architecture.
    pub expected: Vec<i64>,
    /// Shape offered.
    pub found: Vec<i64>,
}

/// How a set of named tensors differs from what the architecture wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Wanted but not offered.
    pub missing: Vec<String>,
    /// Offered but not wanted.
    pub unexpected: Vec<String>,
    /// Offered in another shape.
    pub wrong_shape: Vec<WrongShape>,
}

impl ImportReport {
    /// Whether everything fits.
    #[must_use]
    pub fn is_full_match(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.wrong_shape.is_empty()
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected the backbone's tensors, found {} missing, {} unexpected, {} of another shape",
            self.missing.len(),
            self.unexpected.len(),
            self.wrong_shape.len()
        )?;
        if let Some(name) = self.missing.first() {
            write!(f, "; first missing: {name}")?;
        }
        if let Some(name) = self.unexpected.first() {
            write!(f, "; first unexpected: {name}")?;
        }
        if let Some(wrong) = self.wrong_shape.first() {
            write!(
                f,
                "; first of another shape: {} (expected {:?}, found {:?})",
                wrong.name, wrong.expected, wrong.found
            )?;
        }
        Ok(())
    }
}
