//! The report for machines that read JUnit XML.

use super::{Check, Report, Status};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

impl Report {
    /// JUnit XML: a suite for each framework, a test case for each check.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut report = quick_junit::Report::new(self.plugin.display().to_string());
        let mut names: Vec<&str> = self.checks.iter().map(|c| &c.framework[..]).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let shown = if name.is_empty() { "library" } else { name };
            let mut suite = TestSuite::new(shown);
            let own = self.checks.iter().filter(|check| check.framework == name);
            suite.add_test_cases(own.map(case));
            report.add_test_suite(suite);
        }
        report
            .to_string()
            .expect("text is written, and the writer allows every letter")
    }
}

fn case(check: &Check) -> TestCase {
    let mut status = match check.status {
        Status::Success | Status::Warning => TestCaseStatus::success(),
        Status::Skipped => TestCaseStatus::skipped(),
        Status::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Crashed => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if !matches!(check.status, Status::Success | Status::Warning) {
        status.set_message(&check.message);
    }
    let mut case = TestCase::new(&check.id, status);
    case.set_classname(&check.framework);
    case.set_time(Duration::try_from_secs_f64(check.seconds).unwrap_or_default());
    if check.status == Status::Warning {
        case.set_system_out(&check.message);
    }
    case
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ALL, check};
    use super::*;

    #[test]
    fn cases_are_counted_and_their_texts_escaped() {
        let mut checks: Vec<_> = ALL.into_iter().map(check).collect();
        checks[0].framework = String::new();
        checks[2].message = "a < b & \"c\"\u{1b}[0m".to_owned();
        let xml = Report::new("p".into(), checks).to_junit();
        let library = xml
            .lines()
            .find(|line| line.contains("<testsuite name=\"library\""));
        assert!(
            library.is_some_and(|line| line.contains("tests=\"1\"")),
            "{xml}"
        );
        let own = xml
            .lines()
            .find(|line| line.contains("<testsuite name=\"f\""));
        let own = own.unwrap_or_default();
        for count in [
            "tests=\"4\"",
            "failures=\"1\"",
            "errors=\"1\"",
            "skipped=\"1\"",
        ] {
            assert!(own.contains(count), "{xml}");
        }
        assert!(
            xml.contains("message=\"a &lt; b &amp; &quot;c&quot;\""),
            "{xml}"
        );
        assert_eq!(xml.matches("<skipped").count(), 1);
    }
}
