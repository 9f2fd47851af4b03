//! What is refused before anything is computed.

use super::EvalJob;
use crate::evaluate::{EvaluateError, Result};

pub(super) fn check(job: &EvalJob<'_>) -> Result<()> {
    if let Some(protocol) = job.knn {
        protocol.validate()?;
    }
    if let Some(protocol) = job.linear {
        protocol.validate()?;
    }
    for (at, test) in job.tests.iter().enumerate() {
        test.set.check_fits(job.train)?;
        let id = test.set.id();
        let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        if id.is_empty() || id.starts_with('.') || !id.chars().all(usable) {
            return Err(EvaluateError::Setting {
                key: "data set id",
                expected: "letters, digits, `-`, `_`, `+` and `.`, not beginning with `.`",
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
