//! What can go wrong in an optimiser.

use tch::TchError;

/// A fault of an optimiser.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimError {
    /// A group rule's regular expression cannot be read.
    #[error("group rule {rule}: expected a regular expression, found `{pattern}`")]
    Pattern {
        /// Number of the rule, from 0.
        rule: usize,
        /// What was given.
        pattern: String,
        /// Why.
        source: regex::Error,
    },
    /// The recipe names an optimiser this host does not have.
    #[error("expected sgd, lars or adamw, found {found}")]
    Unknown {
        /// What was given.
        found: String,
    },
    /// The parameters are not those the optimiser was made for.
    #[error("expected {expected} in place {place}, found {found}")]
    Parameters {
        /// Place in the list.
        place: usize,
        /// Name and shape expected there.
        expected: String,
        /// Name and shape found there.
        found: String,
    },
    /// A gradient has another shape than its parameter.
    #[error("expected the gradient of {name} of shape {expected:?}, found {found:?}")]
    Gradient {
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Vec<i64>,
        /// The gradient's shape.
        found: Vec<i64>,
    },
    /// A saved state does not fit the parameters.
    #[error("saved optimiser state: expected {expected}, found {found}")]
    State {
        /// What the parameters want.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// libtorch refused an operation.
    #[error("libtorch failed in the update of {name}")]
    Torch {
        /// The parameter.
        name: String,
        /// Why.
        source: TchError,
    },
}
