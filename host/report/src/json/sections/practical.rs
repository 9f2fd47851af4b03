//! Differences over data sets: of correlations, and in practice.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::json::keyed::Keyed;
use ssl_aggregate::Difference;

/// Two data sets by their correlations with the reference.
#[derive(Serialize)]
pub(in crate::json) struct DifferenceSection {
    first: String,
    second: String,
    pearson: Option<ValueSection>,
    spearman: Option<ValueSection>,
}

#[derive(Serialize)]
struct ValueSection {
    value: f64,
    interval: Option<(f64, f64)>,
}

impl From<Difference> for ValueSection {
    fn from(Difference { value, interval }: Difference) -> Self {
        Self { value, interval }
    }
}

pub(in crate::json) fn differences(analysis: &Analysis) -> Vec<DifferenceSection> {
    let found = analysis.correlation_differences.iter();
    found
        .map(|found| DifferenceSection {
            first: analysis.data_set(found.first).to_owned(),
            second: analysis.data_set(found.second).to_owned(),
            pearson: found.pearson.map(Into::into),
            spearman: found.spearman.map(Into::into),
        })
        .collect()
}

/// The first by mean rank against each other framework.
#[derive(Serialize)]
pub(in crate::json) struct SignedRankSection {
    first: String,
    /// Points within which two count as practically equivalent.
    rope: f64,
    against: Keyed<SidesSection>,
}

/// Posterior probabilities.
#[derive(Serialize)]
struct SidesSection {
    better: f64,
    equivalent: f64,
    worse: f64,
}

pub(in crate::json) fn signed_ranks(analysis: &Analysis) -> Option<SignedRankSection> {
    let first = analysis.signed_ranks.first()?.first;
    let against = analysis.signed_ranks.iter().map(|it| {
        let sides = SidesSection {
            better: it.found.better,
            equivalent: it.found.equivalent,
            worse: it.found.worse,
        };
        (analysis.framework(it.rival).to_owned(), sides)
    });
    Some(SignedRankSection {
        first: analysis.framework(first).to_owned(),
        rope: analysis.options.rope,
        against: against.collect(),
    })
}
