//! The test of one pair.

use serde::Serialize;

use crate::analysis::Analysis;
use ssl_aggregate::{Discordant, PairTest};

/// Pairs of all data sets together above which only neighbours in the ranking are listed: those of 100 frameworks on 40
/// data sets would take 80 MB.
const MOST: usize = 20_000;

/// Which pairs are listed.
pub(in crate::json) fn listed(analysis: &Analysis) -> &'static str {
    let pairs: usize = analysis.tests.iter().map(|tests| tests.pairs.len()).sum();
    if pairs > MOST { "neighbours" } else { "all" }
}

/// The pairs of one data set that are listed.
pub(in crate::json) fn pairs(analysis: &Analysis, set: usize) -> Vec<PairSection> {
    let tests = &analysis.tests[set];
    if listed(analysis) == "all" {
        return tests
            .pairs
            .iter()
            .map(|test| pair(analysis, test))
            .collect();
    }
    let neighbours = tests.adjacent(analysis.table()).into_iter();
    neighbours
        .filter_map(|(a, b)| Some(pair(analysis, tests.pair(a, b)?)))
        .collect()
}

#[derive(Serialize)]
pub(in crate::json) struct PairSection {
    first: String,
    second: String,
    difference: f64,
    z: f64,
    only_first: Option<u64>,
    only_second: Option<u64>,
    p: f64,
    mid_p: Option<f64>,
    p_holm: f64,
    p_holm_over_all: f64,
    p_bh: f64,
    method: &'static str,
}

fn pair(analysis: &Analysis, test: &PairTest) -> PairSection {
    let count = |side: fn(Discordant) -> u64| test.discordant.map(side);
    PairSection {
        first: analysis.framework(test.first).to_owned(),
        second: analysis.framework(test.second).to_owned(),
        difference: test.difference,
        z: test.z,
        only_first: count(|counts| counts.only_first),
        only_second: count(|counts| counts.only_second),
        p: test.p,
        mid_p: test.mid_p,
        p_holm: test.holm,
        p_holm_over_all: test.holm_over_all,
        p_bh: test.benjamini_hochberg,
        method: test.method.id(),
    }
}
