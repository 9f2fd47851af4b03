//! The conclusions of a built-in study, and which of them survive the tests.

use serde::Serialize;

use super::analysis::{Analysis, PoolAnalysis};
use super::input::Study;
use super::prose::list;
use super::words::{
    Verdict, coefficient, compared, interval_of, often, points, verdict, z_in_words,
};
use ssl_aggregate::{Aggregate, CorrelationDifference, Difference, Flips};

/// One conclusion and what the numbers say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The conclusion in a sentence.
    pub claim: String,
    /// Whether it is supported.
    pub verdict: String,
    /// The numbers behind the verdict.
    pub evidence: String,
}

impl Analysis {
    /// The conclusions of the study reported on; none for other tables.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        match self.input.study {
            Some(Study::Ozbulak2024) => [
                best_weighted(self),
                best_geometric(self),
                carried_over(self),
                weaker_correlation(self),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Some(Study::Imagenette) | None => Vec::new(),
        }
    }
}

fn best_weighted(analysis: &Analysis) -> Option<Claim> {
    let kind = Aggregate::Weighted;
    let pools: Vec<&PoolAnalysis> = ["all", "without_reference"]
        .iter()
        .filter_map(|name| analysis.pool(name))
        .collect();
    let holds = |pool: &&PoolAnalysis| {
        pool.lead(kind).is_some_and(|lead| {
            analysis.framework(lead.leader) == "MoCo" && lead.p < analysis.options.alpha
        })
    };
    let (with, without) = (pools.first()?.lead(kind)?, pools.get(1)?.lead(kind)?);
    let reference = analysis.data_set(analysis.reference?);
    Some(Claim {
        claim: "MoCo is the best all-rounder by weighted average.".to_owned(),
        verdict: if pools.iter().all(holds) {
            "Supported"
        } else {
            "Not supported"
        }
        .to_owned(),
        evidence: format!(
            "It leads {} by {:.2} points with {reference} in the pool (z = {}) and {} by {:.2} without it (z = {}). \
             This covers the sampling of test images, not another training run.",
            analysis.framework(with.runner_up),
            with.gap,
            z_in_words(with),
            analysis.framework(without.runner_up),
            without.gap,
            z_in_words(without)
        ),
    })
}

fn best_geometric(analysis: &Analysis) -> Option<Claim> {
    let pool = analysis.all();
    let kind = Aggregate::Geometric;
    let (lead, found) = (pool.lead(kind)?, pool.comparisons(kind)?);
    let drawn = pool.drawn(kind);
    let mut top = [lead.leader, lead.runner_up].map(|row| analysis.framework(row));
    let order = top.join(" before ");
    top.sort_unstable();
    let third = *pool.scores(kind).order().get(2)?;
    // The pair is ahead of the third place as far as its weaker member is.
    let weaker = [lead.leader, lead.runner_up]
        .into_iter()
        .filter_map(|row| found.pair(row, third))
        .max_by(|a, b| a.p.total_cmp(&b.p))?;
    let share = drawn.first[lead.leader]?;
    let alpha = analysis.options.alpha;
    let order_holds = verdict(lead, share, alpha) == Verdict::Supported;
    let verdict = match (
        top == ["MoCo", "OBoW"],
        weaker.p < alpha,
        weaker.holm < alpha,
    ) {
        (false, ..) | (_, false, _) => "Not supported",
        (true, true, true) if order_holds => "Supported",
        (true, true, true) => "Supported as a pair; their order is open",
        (true, true, false) => {
            "Supported as a pair before correction, not after Holm's; their order is open"
        }
    };
    Some(Claim {
        claim: "By geometric mean MoCo and OBoW do best.".to_owned(),
        verdict: verdict.to_owned(),
        evidence: format!(
            "The table says {order} by {}; {} is first in {} of redraws of the images. Against {} on the third place the \
             pair's weaker member has z = {:.2} (p = {:.3}, Holm {:.2}), and the two take the first two places in {} of \
             redraws.",
            points(lead.gap),
            analysis.framework(lead.leader),
            often(share),
            analysis.framework(third),
            weaker.difference.abs() / weaker.standard_error,
            weaker.p,
            weaker.holm,
            often(drawn.first_two?)
        ),
    })
}

fn carried_over(analysis: &Analysis) -> Option<Claim> {
    let reference = analysis.data_set(analysis.reference?);
    let (mut shown, mut open) = (Vec::new(), Vec::new());
    for (set, against) in compared(analysis) {
        let side = if against.flips.after_holm.is_empty() {
            &mut open
        } else {
            &mut shown
        };
        side.push((analysis.data_set(set), &against.flips));
    }
    let names =
        |side: &[(&str, &Flips)]| list(&side.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let counts: Vec<String> = shown
        .iter()
        .map(|(name, flips)| {
            format!(
                "{name} {}, {} and {}",
                flips.significant.len(),
                flips.after_holm.len(),
                flips.after_holm_over_all.len()
            )
        })
        .collect();
    let verdict = match (shown.is_empty(), open.is_empty()) {
        (true, _) => "Not supported".to_owned(),
        (false, true) => "Supported".to_owned(),
        (false, false) => format!(
            "Supported on {}; not shown on {}",
            names(&shown),
            names(&open)
        ),
    };
    Some(Claim {
        claim: "A better number on ImageNet need not be a better number on a similar data set."
            .to_owned(),
        verdict,
        evidence: format!(
            "Pairs whose order on {reference} is reversed, significantly on both sides without correction, after Holm \
             within each set, and after Holm over all sets: {}.",
            if counts.is_empty() {
                "none".to_owned()
            } else {
                counts.join("; ")
            }
        ),
    })
}

/// Sets that follow the reference less closely, and those that do so more, in the study's conclusion.
const FAR: [&str; 3] = ["R", "Sketch", "A"];
const NEAR: [&str; 2] = ["ReaL", "V2"];

fn weaker_correlation(analysis: &Analysis) -> Option<Claim> {
    let differences: Vec<(&str, &str, &CorrelationDifference, f64)> = analysis
        .correlation_differences
        .iter()
        .filter_map(|it| {
            let (first, second) = (analysis.data_set(it.first), analysis.data_set(it.second));
            if NEAR.contains(&first) && FAR.contains(&second) {
                Some((first, second, it, 1.0))
            } else if FAR.contains(&first) && NEAR.contains(&second) {
                Some((second, first, it, -1.0))
            } else {
                None
            }
        })
        .collect();
    let mirrored = |found: Difference, sign: f64| {
        let (low, high) = found.interval?;
        Some(if sign > 0.0 {
            (low, high)
        } else {
            (-high, -low)
        })
    };
    let by = |of: fn(&CorrelationDifference) -> Option<Difference>| -> Option<Vec<String>> {
        let mut open = Vec::new();
        for (near, far, it, sign) in &differences {
            if mirrored(of(it)?, *sign)?.0 <= 0.0 {
                open.push(format!("{far} against {near}"));
            }
        }
        Some(open)
    };
    let (pearson, spearman) = (by(|it| it.pearson)?, by(|it| it.spearman)?);
    let verdict = match (pearson.is_empty(), spearman.is_empty()) {
        (true, true) => "Supported; how much less stays open".to_owned(),
        (true, false) => format!(
            "Supported by Pearson's coefficient; by Spearman's not for {}",
            list(&spearman.iter().map(String::as_str).collect::<Vec<_>>())
        ),
        (false, _) => "Not supported".to_owned(),
    };
    let listed = |of: fn(&CorrelationDifference) -> Option<Difference>| -> Option<String> {
        let parts = differences.iter().map(|(near, far, it, sign)| {
            let found = of(it)?;
            let ends = interval_of(mirrored(found, *sign)?);
            Some(format!(
                "{near} over {far} {} {ends}",
                coefficient(sign * found.value)
            ))
        });
        Some(parts.collect::<Option<Vec<_>>>()?.join(", "))
    };
    Some(Claim {
        claim: "Accuracy on R, Sketch and A follows ImageNet accuracy less closely than on ReaL and V2.".to_owned(),
        verdict,
        evidence: format!(
            "Differences of the correlations with it over {} frameworks, with Zou's intervals: Pearson {}; Spearman {}.",
            analysis.table().frameworks().len(),
            listed(|it| it.pearson)?,
            listed(|it| it.spearman)?
        ),
    })
}
