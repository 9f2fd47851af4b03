//! What is refused before anything is computed.

use super::EvalJob;
use crate::evaluate::{EvaluateError, Result};

/// What names a test set: its predictions are a file of this name.
pub const SET_ID: &str = "letters, digits, `-`, `_`, `+` and `.`, not beginning with `.`";

/// Whether a test set may be called so.
#[must_use]
pub fn is_set_id(id: &str) -> bool {
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    !id.is_empty() && !id.starts_with('.') && id.chars().all(usable)
}

pub(super) fn check(job: &EvalJob<'_>) -> Result<()> {
    if let Some(protocol) = job.protocols.knn {
        protocol.validate()?;
    }
    if let Some(protocol) = job.protocols.linear {
        protocol.validate()?;
    }
    for (at, test) in job.tests.iter().enumerate() {
        test.set.check_fits(job.train)?;
        let id = test.set.id();
        if !is_set_id(id) {
            return Err(EvaluateError::Setting {
                key: "data set id",
                expected: SET_ID,
                found: format!("{id:?}"),
            });
        }
        if job.tests[..at].iter().any(|other| other.set.id() == id) {
            return Err(EvaluateError::Setting {
                key: "data set id",
                expected: "a different id for every test set",
                found: format!("{id:?} twice"),
            });
        }
    }
    Ok(())
}
