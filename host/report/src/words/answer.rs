//! The answer at the top of the page, in plain words.

use super::headline::{on_reference, other_choices, redraws};
use super::often;
use crate::analysis::Analysis;
use crate::prose::list;
use ssl_aggregate::Aggregate;

/// Who is first, how sure that is, and whether another choice of data sets would change it: a sentence each.
#[must_use]
pub fn answer(analysis: &Analysis) -> Vec<String> {
    let frameworks = analysis.table().frameworks();
    if let [only] = frameworks {
        return vec![
            format!("{only} is the only framework here."),
            "One framework cannot be compared; below are its accuracies with their intervals."
                .to_owned(),
        ];
    }
    let sentences = [
        Some(first(analysis)),
        sure(analysis),
        on_reference(analysis),
        other_choices(analysis),
    ];
    sentences.into_iter().flatten().collect()
}

/// Who is first by weighted average.
fn first(analysis: &Analysis) -> String {
    let leaders = analysis.all().scores(Aggregate::Weighted).leaders();
    let names: Vec<&str> = leaders.iter().map(|&row| analysis.framework(row)).collect();
    match names[..] {
        [] => "No framework has all data sets, so none is first overall.".to_owned(),
        [only] => {
            let share = analysis.all().drawn(Aggregate::Weighted).first[leaders[0]];
            let share = share.map_or_else(String::new, |share| {
                format!(" in {} of {}", often(share), redraws(analysis))
            });
            format!("{only} is first{share}.")
        }
        _ => format!("{} share the first place.", list(&names)),
    }
}

/// Who cannot be told apart from the first by weighted average.
fn sure(analysis: &Analysis) -> Option<String> {
    let tier = analysis.all().first_tier(Aggregate::Weighted);
    let names: Vec<&str> = tier.iter().map(|&row| analysis.framework(row)).collect();
    match names[..] {
        [] => None,
        [_] => Some("All others are behind by more than chance explains.".to_owned()),
        [first, ref others @ ..] => Some(format!(
            "{} cannot be told apart from {first} by the weighted average.",
            list(others)
        )),
    }
}
