//! What other seeds and heads would change.

use super::points;
use crate::analysis::Analysis;
use crate::prose::list;
use ssl_aggregate::{Aggregate, Components};

/// What of the runs is covered, and what would undo the lead where they are not.
pub(super) fn runs(analysis: &Analysis) -> Option<String> {
    let table = analysis.table();
    let rows = 0..table.frameworks().len();
    let once: Vec<usize> = rows.filter(|&row| table.runs(row).seeds < 2).collect();
    if once.is_empty() {
        return None;
    }
    let names: Vec<&str> = once.iter().map(|&row| analysis.framework(row)).collect();
    let who = if once.len() == table.frameworks().len() {
        "each framework has one seed here".to_owned()
    } else if once.len() == 1 {
        format!("{} has one seed here", names[0])
    } else {
        format!("{} have one seed each here", list(&names))
    };
    let mut text = format!("Run-to-run variation of the pretraining is not covered: {who}.");
    let kind = Aggregate::Weighted;
    let lead = analysis.all().lead(kind);
    if let Some((lead, deviation)) = lead.and_then(|lead| Some((lead, lead.break_even?))) {
        text.push_str(&format!(
            " A standard deviation of {} between runs would make {}'s lead over {} in the {} insignificant (break-even).",
            points(deviation),
            analysis.framework(lead.leader),
            analysis.framework(lead.runner_up),
            kind.name()
        ));
    }
    Some(text)
}

/// Where the spread comes from, where the ledger repeats something.
pub(super) fn components(analysis: &Analysis) -> Option<String> {
    let splits = &analysis.input.variance;
    let protocol = analysis.table().protocol()?;
    let nested = |components: &Components| {
        let factors = [("seeds", components.seeds), ("heads", components.heads)];
        let known: Vec<String> = factors
            .iter()
            .filter_map(|(name, value)| Some(format!("{name} {:.2}", (*value)?)))
            .collect();
        let images = format!("images {:.2}", components.images);
        (!known.is_empty()).then(|| format!("{images}, {}", known.join(", ")))
    };
    let parts: Vec<String> = splits
        .iter()
        .filter_map(|split| {
            let protocols = split
                .protocols
                .map(|value| format!("between protocols {value:.2}"));
            let all: Vec<String> = split
                .of(protocol)
                .and_then(nested)
                .into_iter()
                .chain(protocols)
                .collect();
            (!all.is_empty()).then(|| format!("{} {}", split.data_set, all.join("; ")))
        })
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Standard deviations in points, of which those of images, seeds and heads are nested (their squares add up): \
             {}.",
            parts.join(". ")
        )
    })
}
