//! The report for machines that read JUnit XML.

use super::{Check, Report, Status};
use std::fmt::Write as _;

impl Report {
    /// JUnit XML: a suite for each framework, a test case for each check.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut names: Vec<&str> = self.checks.iter().map(|c| &c.framework[..]).collect();
        names.sort_unstable();
        names.dedup();
        let suites: String = names.into_iter().map(|name| self.suite(name)).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" {}>\n{suites}</testsuites>\n",
            escape(&self.plugin.display().to_string()),
            counts(&self.checks.iter().collect::<Vec<_>>()),
        )
    }

    fn suite(&self, framework: &str) -> String {
        let own = self
            .checks
            .iter()
            .filter(|check| check.framework == framework);
        let own: Vec<&Check> = own.collect();
        let name = if framework.is_empty() {
            "library"
        } else {
            framework
        };
        let cases: String = own.iter().map(|check| case(check)).collect();
        format!(
            "  <testsuite name=\"{}\" {}>\n{cases}  </testsuite>\n",
            escape(name),
            counts(&own)
        )
    }
}

fn counts(checks: &[&Check]) -> String {
    let count = |of: Status| checks.iter().filter(|check| check.status == of).count();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        checks.len(),
        count(Status::Failed),
        count(Status::Crashed),
        count(Status::Skipped)
    )
}

fn case(check: &Check) -> String {
    let mut xml = String::new();
    let message = escape(&check.message);
    let _infallible = write!(
        xml,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escape(&check.framework),
        escape(&check.id),
        check.seconds
    );
    let inside = match check.status {
        Status::Success => return xml + "/>\n",
        Status::Warning => format!("<system-out>{message}</system-out>"),
        Status::Skipped => format!("<skipped message=\"{message}\"/>"),
        Status::Failed => format!("<failure message=\"{message}\"/>"),
        Status::Crashed => format!("<error message=\"{message}\"/>"),
    };
    let _infallible = writeln!(xml, ">{inside}</testcase>");
    xml
}

/// Text as an attribute may hold it, whatever a plugin said: control characters are none of XML's.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
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
        assert!(
            xml.contains("<testsuite name=\"library\" tests=\"1\""),
            "{xml}"
        );
        assert!(
            xml.contains("<testsuite name=\"f\" tests=\"4\" failures=\"1\" errors=\"1\""),
            "{xml}"
        );
        assert!(
            xml.contains("message=\"a &lt; b &amp; &quot;c&quot; [0m\""),
            "{xml}"
        );
        assert_eq!(xml.matches("<skipped").count(), 1);
    }
}
