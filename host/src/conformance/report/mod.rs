//! What certification found: per check, as text, JSON or JUnit XML.

mod badge;
mod certificate;
mod junit;
mod text;

pub use badge::badge;
pub use certificate::Certificate;

use super::golden::MaxErrors;
use super::verdict::{Finding, Verdict};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It holds.
    Success,
    /// It holds, with something to say; or it does not, and that is waived.
    Warning,
    /// It does not hold.
    Failed,
    /// A call panicked, or the process that ran it died or had to be killed.
    Crashed,
    /// It does not concern this plugin.
    Skipped,
}

impl Status {
    /// The status's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Skipped => "skipped",
        }
    }

    /// Whether it keeps a plugin from being certified.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Crashed)
    }
}

/// How a check ended, and what it said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// One sentence.
    pub message: String,
    /// The largest errors of a golden file.
    pub max_rel_error: MaxErrors,
    /// How long it took.
    pub seconds: f64,
}

impl Outcome {
    /// An outcome of no golden file.
    #[must_use]
    pub fn new(status: Status, message: String) -> Self {
        Self {
            status,
            message,
            max_rel_error: MaxErrors::default(),
            seconds: 0.0,
        }
    }

    /// That of a process which gave no answer.
    #[must_use]
    pub fn crashed(message: String) -> Self {
        Self::new(Status::Crashed, message)
    }

    /// That of a verdict.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Ok(Finding::Holds(message)) => Self::new(Status::Success, message),
            Ok(Finding::Warning(message)) => Self::new(Status::Warning, message),
            Ok(Finding::Skipped(message)) => Self::new(Status::Skipped, message),
            Err(broken) => Self::new(broken.status, broken.message),
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its id; `golden/<file stem>` for a golden file.
    pub id: String,
    /// What it is about.
    pub group: String,
    /// Its level.
    pub level: u8,
    /// The framework; empty for the library as a whole.
    pub framework: String,
    /// How it ended.
    pub status: Status,
    /// One sentence.
    pub message: String,
    /// The largest errors of a golden file.
    pub max_rel_error: MaxErrors,
    /// How long it took.
    pub seconds: f64,
    /// What `--reproduce` takes to run it alone.
    pub reproduce: String,
}

/// All checks of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The library.
    pub plugin: PathBuf,
    /// The checks, in the order of groups, levels and names.
    pub checks: Vec<Check>,
    /// Checks that hold.
    pub passed: usize,
    /// Checks that failed or crashed.
    pub failed: usize,
}

impl Report {
    /// Counts the checks.
    #[must_use]
    pub fn new(plugin: PathBuf, checks: Vec<Check>) -> Self {
        let count = |of: &[Status]| checks.iter().filter(|c| of.contains(&c.status)).count();
        Self {
            passed: count(&[Status::Success, Status::Warning]),
            failed: count(&[Status::Failed, Status::Crashed]),
            plugin,
            checks,
        }
    }

    /// Checks that were run.
    #[must_use]
    pub const fn run(&self) -> usize {
        self.passed + self.failed
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::conformance) fn check(status: Status) -> Check {
        Check {
            id: "golden/x".to_owned(),
            group: "golden".to_owned(),
            level: 3,
            framework: "f".to_owned(),
            status,
            message: "a < b & \"c\"".to_owned(),
            max_rel_error: MaxErrors::default(),
            seconds: 0.25,
            reproduce: "golden/x:f:1".to_owned(),
        }
    }

    pub(in crate::conformance) const ALL: [Status; 5] = [
        Status::Success,
        Status::Warning,
        Status::Failed,
        Status::Crashed,
        Status::Skipped,
    ];

    #[test]
    fn crashes_count_as_failures_and_skips_as_neither() {
        let report = Report::new("p".into(), ALL.into_iter().map(check).collect());
        assert_eq!((report.passed, report.failed, report.run()), (2, 2, 4));
    }

    #[test]
    fn json_has_the_documented_keys() {
        let json = serde_json::to_value(Report::new("p".into(), vec![check(Status::Success)]))
            .expect("json");
        assert_eq!(json["checks"][0]["status"], "success");
        assert!(json["checks"][0]["max_rel_error"].get("grad").is_some());
        assert_eq!(
            (json["passed"].as_u64(), json["failed"].as_u64()),
            (Some(1), Some(0))
        );
    }
}
