//! The test of one pair.

use serde::Serialize;

use crate::analysis::Analysis;
use ssl_aggregate::{Discordant, PairTest};

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

pub(in crate::json) fn pair(analysis: &Analysis, test: &PairTest) -> PairSection {
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
