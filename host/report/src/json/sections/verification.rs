//! Rows beside what the authors of their backbones report.

use serde::Serialize;

use crate::analysis::Analysis;

#[derive(Serialize)]
pub(in crate::json) struct VerificationSection {
    /// Points within which a row counts as verified.
    within: f64,
    rows: Vec<Row>,
}

/// One published number; all are in percent.
#[derive(Serialize)]
struct Row {
    framework: String,
    data_set: String,
    protocol: String,
    measured: f64,
    checkpoint: String,
    published: f64,
    deviation: f64,
    verified: bool,
    source: String,
}

pub(in crate::json) fn verification(analysis: &Analysis) -> VerificationSection {
    let within = analysis.options.verify;
    let row = |it: &ssl_aggregate::Verification| Row {
        framework: it.framework.clone(),
        data_set: it.data_set.clone(),
        protocol: it.protocol.clone(),
        measured: it.measured,
        checkpoint: it.checkpoint.clone(),
        published: it.published,
        deviation: it.deviation(),
        verified: it.within(within),
        source: it.source.clone(),
    };
    VerificationSection {
        within,
        rows: analysis.input.verification.iter().map(row).collect(),
    }
}
