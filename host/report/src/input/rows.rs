//! What rows and data sets are by their names.

/// Names of rows that learn nothing.
const BASELINES: [&str; 2] = ["untrained", "pixels"];

/// Rows that learn nothing: they stand below the table as reference lines, and enter no statistic.
#[must_use]
pub fn is_baseline(name: &str) -> bool {
    let name = name.trim();
    BASELINES
        .iter()
        .any(|baseline| name.eq_ignore_ascii_case(baseline))
}

/// The set whose images a set called `real` has with other labels, where a set called `val` is there too.
#[must_use]
pub fn relabelled<'a>(name: &str, mut names: impl Iterator<Item = &'a str>) -> Option<String> {
    if !name.eq_ignore_ascii_case("real") {
        return None;
    }
    let found = names.find(|other| other.eq_ignore_ascii_case("val"));
    found.map(str::to_owned)
}
