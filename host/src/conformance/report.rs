//! What certification found: per check, as text, JSON or JUnit XML.

use super::compare::MaxErrors;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::PathBuf;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It holds.
    Success,
    /// It holds, with something to say.
    Warning,
    /// It does not hold.
    Failed,
    /// The process that ran it died or had to be killed.
    Crashed,
    /// It does not concern this plugin.
    Skipped,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// `golden/<file stem>`.
    pub id: String,
    /// The framework.
    pub framework: String,
    /// How it ended.
    pub status: Status,
    /// One sentence.
    pub message: String,
    /// The largest errors.
    pub max_rel_error: MaxErrors,
}

/// All checks of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The library.
    pub plugin: PathBuf,
    /// The checks, in the order of their names.
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

    /// One line a check, then the counts.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.plugin.display());
        for check in &self.checks {
            let status = format!("{:?}", check.status).to_lowercase();
            let _infallible = writeln!(text, "  {status:<8} {:<36} {}", check.id, check.message);
        }
        let skipped = self.checks.len() - self.passed - self.failed;
        let _infallible = writeln!(
            text,
            "{} passed, {} failed, {skipped} skipped",
            self.passed, self.failed
        );
        text
    }

    /// JUnit XML, one test case a check.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let skipped = self.checks.len() - self.passed - self.failed;
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{skipped}\">\n",
            escape(&self.plugin.display().to_string()),
            self.checks.len(),
            self.failed
        );
        for check in &self.checks {
            let _infallible = write!(
                xml,
                "  <testcase classname=\"{}\" name=\"{}\"",
                escape(&check.framework),
                escape(&check.id)
            );
            let message = escape(&check.message);
            let _infallible = match check.status {
                Status::Success | Status::Warning => writeln!(xml, "/>"),
                Status::Skipped => writeln!(xml, "><skipped message=\"{message}\"/></testcase>"),
                Status::Failed => writeln!(xml, "><failure message=\"{message}\"/></testcase>"),
                Status::Crashed => writeln!(xml, "><error message=\"{message}\"/></testcase>"),
            };
        }
        xml.push_str("</testsuite>\n");
        xml
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: Status) -> Check {
        Check {
            id: "golden/x".to_owned(),
            framework: "f".to_owned(),
            status,
            message: "a < b & \"c\"".to_owned(),
            max_rel_error: MaxErrors::default(),
        }
    }

    #[test]
    fn crashes_count_as_failures_and_skips_as_neither() {
        let all = [
            Status::Success,
            Status::Warning,
            Status::Failed,
            Status::Crashed,
            Status::Skipped,
        ];
        let report = Report::new("p".into(), all.into_iter().map(check).collect());
        assert_eq!((report.passed, report.failed), (2, 2));
        assert!(
            report
                .to_text()
                .ends_with("2 passed, 2 failed, 1 skipped\n")
        );
    }

    #[test]
    fn junit_escapes_and_counts() {
        let report = Report::new(
            "p".into(),
            vec![check(Status::Failed), check(Status::Crashed)],
        );
        let xml = report.to_junit();
        assert!(xml.contains("failures=\"2\"") && xml.contains("a &lt; b &amp; &quot;c&quot;"));
        assert_eq!(xml.matches("<error ").count(), 1);
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
