//! Rows beside what the authors of their backbones report.

use crate::analysis::Analysis;
use crate::prose::list;
use ssl_aggregate::{Verification, not_verified};

/// How many rows are verified, then one line for each number.
pub(crate) fn verification(analysis: &Analysis) -> Vec<String> {
    let all = &analysis.input.verification;
    let points = analysis.options.verify;
    let failed = not_verified(all, points);
    let mut rows: Vec<&str> = all.iter().map(|it| it.framework.as_str()).collect();
    rows.dedup();
    let Some(count) = Some(rows.len()).filter(|&count| count > 0) else {
        return Vec::new();
    };
    let others = match failed[..] {
        [] => ".".to_owned(),
        [only] => format!("; {only} is not."),
        _ => format!("; {} are not.", list(&failed)),
    };
    let summary = format!(
        "{} of {count} rows {} verified, within {} of what their authors report{others}",
        count - failed.len(),
        if count - failed.len() == 1 {
            "is"
        } else {
            "are"
        },
        within(points)
    );
    let lines = all.iter().map(|it| line(it, points));
    std::iter::once(summary).chain(lines).collect()
}

/// A tolerance in words.
pub(crate) fn within(points: f64) -> String {
    format!(
        "{points} {}",
        if points == 1.0 { "point" } else { "points" }
    )
}

fn line(it: &Verification, points: f64) -> String {
    format!(
        "{}: {:.1} on {} by {}, {:.1} published for {} ({}): {:+.1}, {}.",
        it.framework,
        it.measured,
        it.data_set,
        it.protocol,
        it.published,
        it.checkpoint,
        it.source,
        it.deviation(),
        if it.within(points) {
            "verified"
        } else {
            "not verified"
        }
    )
}
