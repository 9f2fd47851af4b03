//! One data set against the reference.

use serde::Serialize;

use crate::analysis::{AgainstReference, Analysis};
use ssl_aggregate::{Correlations, Estimate};

#[derive(Serialize)]
pub(in crate::json) struct EstimateSection {
    value: Option<f64>,
    p: Option<f64>,
    interval: Option<(f64, f64)>,
    bootstrap_interval: Option<(f64, f64)>,
}

impl From<Estimate> for EstimateSection {
    fn from(
        Estimate {
            value,
            p,
            interval,
            bootstrap,
        }: Estimate,
    ) -> Self {
        Self {
            value,
            p,
            interval,
            bootstrap_interval: bootstrap,
        }
    }
}

#[derive(Serialize)]
pub(in crate::json) struct CorrelationSection {
    frameworks: usize,
    pearson: EstimateSection,
    spearman: EstimateSection,
    kendall: EstimateSection,
    pairs: Option<PairCounts>,
    leave_one_out: Option<LeaveOneOutSection>,
    line: Option<LineSection>,
}

#[derive(Serialize)]
struct PairCounts {
    concordant: u64,
    discordant: u64,
    ties_reference: u64,
    ties_data_set: u64,
}

#[derive(Serialize)]
struct LeaveOneOutSection {
    lowest: f64,
    without_for_lowest: String,
    highest: f64,
    without_for_highest: String,
}

#[derive(Serialize)]
struct LineSection {
    slope: f64,
    intercept: f64,
    r_squared: f64,
}

pub(in crate::json) fn correlation(
    analysis: &Analysis,
    found: &Correlations,
) -> CorrelationSection {
    CorrelationSection {
        frameworks: found.rows.len(),
        pearson: found.pearson.into(),
        spearman: found.spearman.into(),
        kendall: found.kendall.into(),
        pairs: found.pairs.map(|pairs| PairCounts {
            concordant: pairs.concordant,
            discordant: pairs.discordant,
            ties_reference: pairs.ties_x,
            ties_data_set: pairs.ties_y,
        }),
        leave_one_out: found.leave_one_out.map(|range| LeaveOneOutSection {
            lowest: range.lowest.0,
            without_for_lowest: analysis.framework(range.lowest.1).to_owned(),
            highest: range.highest.0,
            without_for_highest: analysis.framework(range.highest.1).to_owned(),
        }),
        line: found.line.map(|line| LineSection {
            slope: line.slope,
            intercept: line.intercept,
            r_squared: line.r_squared,
        }),
    }
}

#[derive(Serialize)]
pub(in crate::json) struct FlipSection {
    all: usize,
    significant: usize,
    after_holm: usize,
    after_holm_over_all: usize,
    of: usize,
    significant_pairs: Vec<(String, String)>,
}

pub(in crate::json) fn flip(analysis: &Analysis, against: &AgainstReference) -> FlipSection {
    let name = |row: usize| analysis.framework(row).to_owned();
    let flips = &against.flips;
    FlipSection {
        all: flips.all.len(),
        significant: flips.significant.len(),
        after_holm: flips.after_holm.len(),
        after_holm_over_all: flips.after_holm_over_all.len(),
        of: flips.pairs,
        significant_pairs: flips
            .significant
            .iter()
            .map(|&(a, b)| (name(a), name(b)))
            .collect(),
    }
}
