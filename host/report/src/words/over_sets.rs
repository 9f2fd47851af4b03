//! What the data sets together say about differences.

use super::{coefficient, interval_of, often};
use crate::analysis::{Analysis, POWER};
use crate::prose::list;
use ssl_aggregate::{Aggregate, Difference};

/// Probability from which on a side of the signed-rank test is called likely.
const LIKELY: f64 = 0.95;

/// The smallest gap that the test sets can show.
pub(super) fn detectable(analysis: &Analysis) -> Option<String> {
    let gaps: Vec<String> = (0..analysis.tests.len())
        .filter_map(|set| {
            let gap = analysis.tests[set].detectable_gap(POWER)?;
            Some(format!("{} {gap:.2}", analysis.data_set(set)))
        })
        .collect();
    (!gaps.is_empty()).then(|| {
        format!(
            "The smallest gap in points that a single test at level {} finds in {:.0} % of cases: {}.",
            analysis.options.alpha,
            100.0 * POWER,
            gaps.join(", ")
        )
    })
}

/// Which data sets follow the reference more closely than others.
pub(super) fn closer(analysis: &Analysis) -> Option<String> {
    let reference = analysis.data_set(analysis.reference?);
    let apart = |found: &Option<Difference>| {
        let found = (*found)?;
        let (low, high) = found.interval?;
        (low > 0.0 || high < 0.0).then_some((found.value, (low, high)))
    };
    let known = analysis.correlation_differences.iter();
    let known = known.filter(|it| it.pearson.is_some_and(|found| found.interval.is_some()));
    let all = known.clone().count();
    let clear: Vec<String> = known
        .filter_map(|it| {
            let (value, (low, high)) = apart(&it.pearson)?;
            let (first, second) = (analysis.data_set(it.first), analysis.data_set(it.second));
            let (near, far, ends) = if value > 0.0 {
                (first, second, (low, high))
            } else {
                (second, first, (-high, -low))
            };
            let ranks = if apart(&it.spearman).is_some() {
                ""
            } else {
                ", not by ranks"
            };
            let gap = coefficient(value.abs());
            Some(format!(
                "{near} over {far} {gap} {}{ranks}",
                interval_of(ends)
            ))
        })
        .collect();
    const SHOWN: usize = 8;
    let more = match clear.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!clear.is_empty()).then(|| {
        format!(
            "Of {all} pairs of data sets {} by how closely they follow {reference} (difference of Pearson's \
             coefficients, Zou's interval; “not by ranks” where Spearman's does not): {}{more}.",
            if clear.len() == 1 {
                "1 differs".to_owned()
            } else {
                format!("{} differ", clear.len())
            },
            clear[..clear.len().min(SHOWN)].join(", ")
        )
    })
}

/// Whether the first by mean rank is better in practice, beside Nemenyi's test.
pub(super) fn practical(analysis: &Analysis) -> Option<String> {
    let first = analysis.signed_ranks.first()?.first;
    let leaders = analysis.all().scores(Aggregate::MeanRank).leaders();
    let leaders = leaders.into_iter().filter(|row| *row != first);
    let beside: Vec<&str> = leaders.map(|row| analysis.framework(row)).collect();
    let place = if beside.is_empty() {
        "first by mean rank".to_owned()
    } else {
        format!("first by mean rank together with {}", list(&beside))
    };
    let first = analysis.framework(first);
    let rope = analysis.options.rope;
    let named = |side: fn(&ssl_aggregate::SignedRank) -> f64| -> Vec<String> {
        let likely = analysis.signed_ranks.iter();
        likely
            .filter(|it| side(&it.found) >= LIKELY)
            .map(|it| {
                let name = analysis.framework(it.rival);
                format!("{name} ({})", often(side(&it.found)))
            })
            .collect()
    };
    let listed = |names: &[String]| list(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let (better, same) = (named(|it| it.better), named(|it| it.equivalent));
    let mut parts = Vec::new();
    if !better.is_empty() {
        parts.push(format!("better than {}", listed(&better)));
    }
    if !same.is_empty() {
        parts.push(format!("practically equivalent to {}", listed(&same)));
    }
    let rest = analysis.signed_ranks.len() - better.len() - same.len();
    if rest > 0 {
        parts.push(format!(
            "open against {rest} of {}",
            analysis.signed_ranks.len()
        ));
    }
    Some(format!(
        "{first}, {place}, is by the Bayesian signed-rank test over data sets, with a region of practical \
         equivalence of {rope} {}, {}. Unlike it, Nemenyi's critical difference of mean ranks depends on who else is in the \
         table: another framework can change its verdict on two.",
        if rope == 1.0 { "point" } else { "points" },
        parts.join("; ")
    ))
}
