//! What the choice of a checkpoint changes, against what the choice of a framework does.

use crate::analysis::Analysis;
use crate::prose::{counted, list};
use ssl_aggregate::CheckpointSpread;

/// Both spreads on each data set; `None` where no framework has two checkpoints.
pub(super) fn against_frameworks(analysis: &Analysis) -> Option<String> {
    let found = analysis.input.checkpoints.as_ref()?;
    let names = found.frameworks.iter();
    let names: Vec<String> = names
        .map(|(name, count)| format!("{name} has {}", counted(*count, "checkpoint")))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let parts: Vec<String> = found.data_sets.iter().map(spread).collect();
    let mut text = format!(
        "The checkpoint lottery ({}): standard deviation in points between checkpoints of one framework, against that \
         between frameworks: {}.",
        list(&names),
        parts.join(", ")
    );
    let as_far: Vec<&str> = found
        .data_sets
        .iter()
        .filter(|set| set.between.is_some_and(|between| set.within >= between))
        .map(|set| set.data_set.as_str())
        .collect();
    if !as_far.is_empty() {
        text.push_str(&format!(
            " On {} the choice of a checkpoint moves the accuracy as much as the choice of a framework, or more.",
            list(&as_far)
        ));
    }
    Some(text)
}

fn spread(set: &CheckpointSpread) -> String {
    let within = format!("{} {:.2}", set.data_set, set.within);
    match set.between {
        Some(between) => format!("{within} against {between:.2}"),
        None => format!("{within} (no other framework)"),
    }
}
