//! Checkpoints of one framework against frameworks.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::json::keyed::Keyed;

/// The checkpoint lottery, where a framework has several checkpoints.
#[derive(Serialize)]
pub(in crate::json) struct CheckpointSection {
    /// Number of checkpoints of the frameworks that have several.
    checkpoints: Keyed<usize>,
    data_sets: Keyed<SpreadSection>,
}

/// Standard deviations in points, and lowest and highest checkpoint in percent.
#[derive(Serialize)]
struct SpreadSection {
    within: f64,
    between: Option<f64>,
    ranges: Keyed<Option<(f64, f64)>>,
}

pub(in crate::json) fn checkpoints(analysis: &Analysis) -> Option<CheckpointSection> {
    let found = analysis.input.checkpoints.as_ref()?;
    let names = || found.frameworks.iter().map(|(name, _)| name.clone());
    let data_sets = found.data_sets.iter().map(|set| {
        let spread = SpreadSection {
            within: set.within,
            between: set.between,
            ranges: names().zip(set.ranges.iter().copied()).collect(),
        };
        (set.data_set.clone(), spread)
    });
    Some(CheckpointSection {
        checkpoints: found.frameworks.iter().cloned().collect(),
        data_sets: data_sets.collect(),
    })
}
