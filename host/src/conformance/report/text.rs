//! The report for people.

use super::{Report, Status};
use std::fmt::Write as _;

impl Report {
    /// One line a check, how to run what failed again, then the counts.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.plugin.display());
        let width = self.checks.iter().map(|c| c.id.len()).max().unwrap_or(0);
        for check in &self.checks {
            let status = check.status.name();
            let of = if check.framework.is_empty() {
                String::new()
            } else {
                format!("{}: ", check.framework)
            };
            let _infallible = writeln!(
                text,
                "  {status:<8} {:<width$}  {of}{}",
                check.id, check.message
            );
            if check.status.is_failure() {
                let _infallible = writeln!(
                    text,
                    "           again: ssl-lottery conformance {} --reproduce {}",
                    self.plugin.display(),
                    check.reproduce
                );
            }
        }
        let count = |of: Status| self.checks.iter().filter(|c| c.status == of).count();
        let _infallible = writeln!(
            text,
            "{} passed ({} with a warning), {} failed, {} skipped",
            self.passed,
            count(Status::Warning),
            self.failed,
            count(Status::Skipped)
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ALL, check};
    use super::*;

    #[test]
    fn every_check_is_a_line_and_failures_say_how_to_run_them_again() {
        let report = Report::new("p".into(), ALL.into_iter().map(check).collect());
        let text = report.to_text();
        assert!(text.ends_with("2 passed (1 with a warning), 2 failed, 1 skipped\n"));
        assert_eq!(
            text.matches("conformance p --reproduce golden/x:f:1")
                .count(),
            2
        );
        assert_eq!(text.lines().count(), 1 + 5 + 2 + 1);
    }
}
