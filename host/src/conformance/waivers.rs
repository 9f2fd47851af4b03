//! Failures that a plugin's authors know of and stand by, each with a reason.

use super::error::SuiteError;
use super::report::{Check, Report, Status};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The waivers of a file:
///
/// ```toml
/// [[waiver]]
/// check = "batch-order-does-not-matter"
/// framework = "mine"  # or none: every framework
/// reason = "negatives are the neighbours in the batch"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waivers {
    #[serde(skip)]
    path: PathBuf,
    #[serde(default, rename = "waiver")]
    list: Vec<Waiver>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiver {
    check: String,
    framework: Option<String>,
    reason: String,
}

impl Waivers {
    /// Reads a file of waivers.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a waiver without a reason.
    pub fn read(path: &Path) -> Result<Self, SuiteError> {
        let refuse = |found: String| SuiteError::Waivers {
            path: path.to_owned(),
            found,
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| refuse(format!("expected a readable file, found: {error}")))?;
        let mut waivers: Self = toml::from_str(&text)
            .map_err(|error| refuse(format!("expected waivers, found: {}", error.message())))?;
        if let Some(bare) = waivers.list.iter().find(|it| it.reason.trim().is_empty()) {
            return Err(refuse(format!(
                "expected a reason for the waiver of `{}`, found none",
                bare.check
            )));
        }
        path.clone_into(&mut waivers.path);
        Ok(waivers)
    }

    /// Turns failures that are waived into warnings.
    ///
    /// # Errors
    /// A waiver of a check that did not fail: it has to go, or it would hide the next failure.
    pub fn apply(&self, report: Report) -> Result<Report, SuiteError> {
        let mut checks = report.checks;
        for waiver in &self.list {
            let mut own: Vec<&mut Check> = checks
                .iter_mut()
                .filter(|check| check.id == waiver.check)
                .filter(|check| {
                    waiver
                        .framework
                        .as_ref()
                        .is_none_or(|it| *it == check.framework)
                })
                .collect();
            let mut failed = own
                .iter_mut()
                .filter(|check| check.status.is_failure())
                .peekable();
            if failed.peek().is_none() {
                let was = if own.is_empty() {
                    "was not run"
                } else {
                    "did not fail"
                };
                return Err(SuiteError::Waivers {
                    path: self.path.clone(),
                    found: format!(
                        "expected waivers of checks that fail, found one of `{}`, which {was}; remove it",
                        waiver.check
                    ),
                });
            }
            for check in failed {
                check.status = Status::Warning;
                check.message = format!("waived ({}): {}", waiver.reason.trim(), check.message);
            }
        }
        Ok(Report::new(report.plugin, checks))
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::check;
    use super::*;

    fn applied(text: &str, statuses: &[Status]) -> Result<Report, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("a text");
        let report = Report::new("p".into(), statuses.iter().map(|s| check(*s)).collect());
        Waivers::read(file.path())
            .and_then(|waivers| waivers.apply(report))
            .map_err(|error| error.to_string())
    }

    const WAIVER: &str = "[[waiver]]\ncheck = \"golden/x\"\nreason = \"rounded\"\n";

    #[test]
    fn a_failure_that_is_waived_is_a_warning_with_the_reason() {
        let report = applied(WAIVER, &[Status::Failed, Status::Success]).expect("a report");
        assert_eq!((report.passed, report.failed), (2, 0));
        assert!(report.checks[0].message.starts_with("waived (rounded): "));
        let of = |framework: &str| format!("{WAIVER}framework = \"{framework}\"\n");
        assert!(applied(&of("f"), &[Status::Crashed]).is_ok());
        assert!(applied(&of("g"), &[Status::Crashed]).is_err());
    }

    #[test]
    fn a_waiver_that_waives_nothing_or_gives_no_reason_is_refused() {
        let told = applied(WAIVER, &[Status::Success]).expect_err("nothing failed");
        assert!(told.contains("`golden/x`, which did not fail"), "{told}");
        let told = applied(&WAIVER.replace("rounded", " "), &[Status::Failed]);
        assert!(told.expect_err("no reason").contains("expected a reason"));
        let told = applied(&WAIVER.replace("reason", "why"), &[Status::Failed]);
        assert!(
            told.expect_err("an unknown key")
                .contains("expected waivers")
        );
    }
}
