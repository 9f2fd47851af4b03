//! Who is first, how sure that is, and whether another choice of data sets would change it.

use crate::analysis::{Analysis, PoolAnalysis};
use crate::prose::list;
use ssl_aggregate::{Aggregate, Lead, Unit};

/// Below this share of redraws in which the leader is first a lead is called a coin flip.
const COIN_FLIP: f64 = 0.65;

/// A few sentences: the two headline aggregates, the reference, the lottery.
#[must_use]
pub fn headline(analysis: &Analysis) -> String {
    if let [only] = analysis.table().frameworks() {
        return format!(
            "{only} is the only framework here, and one framework cannot be compared: the report shows its accuracies with \
             their intervals."
        );
    }
    let Some(mut text) = leads(analysis) else {
        return "No framework has all data sets, so there is no aggregate to lead.".to_owned();
    };
    let others = [on_reference(analysis), other_choices(analysis)];
    for sentence in others.into_iter().flatten() {
        text.push(' ');
        text.push_str(&sentence);
    }
    text
}

/// Who leads by the two headline aggregates; `None` without an aggregate.
pub(crate) fn leads(analysis: &Analysis) -> Option<String> {
    let kinds = [Aggregate::Weighted, Aggregate::Geometric].into_iter();
    let parts: Vec<String> = kinds
        .filter_map(|kind| leading(analysis, analysis.all(), kind))
        .collect();
    (!parts.is_empty()).then(|| format!("{}.", parts.join("; ")))
}

/// Who leads by one aggregate, and whether that can be trusted.
fn leading(analysis: &Analysis, pool: &PoolAnalysis, kind: Aggregate) -> Option<String> {
    let leaders = pool.scores(kind).leaders();
    let name = |row: usize| analysis.framework(row);
    if leaders.len() > 1 {
        let names: Vec<&str> = leaders.iter().map(|&row| name(row)).collect();
        return Some(format!(
            "{} share the first place in the {}",
            list(&names),
            kind.name()
        ));
    }
    let first = *leaders.first()?;
    let Some(lead) = pool.lead(kind) else {
        return Some(format!(
            "{} leads the {}, without a standard error",
            name(first),
            kind.name()
        ));
    };
    let (leader, runner_up) = (name(lead.leader), name(lead.runner_up));
    if pool.scores(kind).values[lead.runner_up] == Some(0.0) {
        // Who of them stands second is no result, and no error measures the distance.
        return Some(format!(
            "{leader} leads the {}, which an accuracy of 0 makes 0 for each other framework",
            kind.name()
        ));
    }
    let share = pool.drawn(kind).first[lead.leader].unwrap_or(f64::NAN);
    let (gap, z) = (points(lead.gap), z_in_words(lead));
    let (often, redraws) = (often(share), redraws(analysis));
    Some(match verdict(lead, share, analysis.options.alpha) {
        Verdict::Supported => format!(
            "{leader} leads the {} by {gap} over {runner_up}, z = {z}, and is first in {often} of {redraws}",
            kind.name(),
        ),
        Verdict::NotSignificant => format!(
            "{leader}'s lead of {gap} over {runner_up} in the {} is not significant, z = {z}; {leader} is first in \
             {often} of {redraws}",
            kind.name(),
        ),
        Verdict::CoinFlip => format!(
            "{leader}'s lead of {gap} over {runner_up} in the {} is a coin flip: {leader} is first in {often} of {redraws}",
            kind.name(),
        ),
    })
}

/// Who cannot be told apart from the first on the reference.
pub(super) fn on_reference(analysis: &Analysis) -> Option<String> {
    let set = analysis.reference?;
    let tier: Vec<&str> = analysis
        .first_tier(set)
        .into_iter()
        .map(|row| analysis.framework(row))
        .collect();
    let name = analysis.data_set(set);
    match tier[..] {
        [] => None,
        [first] => Some(format!(
            "On {name}, {first} is ahead of each other framework."
        )),
        [first, ref others @ ..] => Some(format!(
            "On {name}, {} cannot be told apart from {first}.",
            list(others)
        )),
    }
}

/// How often another choice of data sets has another winner.
pub(super) fn other_choices(analysis: &Analysis) -> Option<String> {
    let pool = analysis.all();
    let share = pool.winner_shares[crate::analysis::counted(Aggregate::Weighted)].as_ref()?;
    let leader = match pool.scores(Aggregate::Weighted).leaders()[..] {
        [leader] if share.subsets > 1 => leader,
        _ => return None,
    };
    let wins = (100.0 * share.wins[leader]?).round() / 100.0;
    let choices = format!(
        "{} {}choices",
        share.subsets,
        if share.sampled { "random " } else { "" }
    );
    let how_many = if wins == share.subsets as f64 {
        format!("all {choices}")
    } else {
        format!("{wins} of the {choices}")
    };
    Some(format!(
        "{} has the best weighted average in {how_many} of data sets.",
        analysis.framework(leader)
    ))
}

/// How far a lead can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Significant at the level chosen, two-sided.
    Supported,
    /// Not significant, but first more often than not by a margin.
    NotSignificant,
    /// First about as often as not, or less.
    CoinFlip,
}

/// Judges a lead, two-sided at level `alpha`, whose leader is first of all in a share `first` of the redraws.
#[must_use]
pub fn verdict(lead: &Lead, first: f64, alpha: f64) -> Verdict {
    if lead.p < alpha {
        Verdict::Supported
    } else if first < COIN_FLIP {
        Verdict::CoinFlip
    } else {
        Verdict::NotSignificant
    }
}

/// What was redrawn.
pub(super) fn redraws(analysis: &Analysis) -> &'static str {
    let table = analysis.table();
    let has = |unit: Unit| {
        let rows = 0..table.frameworks().len();
        rows.into_iter()
            .any(|row| table.runs(row).unit() == Some(unit))
    };
    match (has(Unit::Seed), has(Unit::Head)) {
        (false, false) => "redraws of the images",
        (true, false) => "redraws of images and seeds",
        (false, true) => "redraws of images and heads",
        (true, true) => "redraws of images, seeds and heads",
    }
}

/// A share in percent that never claims certainty or impossibility.
pub(crate) fn often(share: f64) -> String {
    if share > 0.999 {
        "more than 99.9 %".to_owned()
    } else if share < 0.001 {
        "less than 0.1 %".to_owned()
    } else if (0.1..0.9).contains(&share) {
        format!("{:.0} %", 100.0 * share)
    } else {
        format!("{:.1} %", 100.0 * share)
    }
}

/// A gap with as many decimals as it needs not to read as zero.
pub(crate) fn points(gap: f64) -> String {
    let decimals = if gap >= 0.05 || gap == 0.0 { 2 } else { 4 };
    format!("{gap:.decimals$} points")
}

/// The lead in standard errors; a range where nothing says how far data sets of the same images move together.
pub(crate) fn z_in_words(lead: &Lead) -> String {
    match lead.z_shared_images {
        Some(shared) if short(shared) != short(lead.z) => {
            format!("{} to {}", short(lead.z), short(shared))
        }
        _ => short(lead.z),
    }
}

fn short(z: f64) -> String {
    if z < 100.0 {
        format!("{z:.1}")
    } else {
        format!("{z:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_draws_never_claim_certainty() {
        // 1999 and 1 of 2000 draws would round to 100.0 and 0.1 %.
        let said = [1.0, 0.9995, 0.999, 0.9, 0.5, 0.001, 0.0005, 0.0].map(often);
        let above = "more than 99.9 %";
        let below = "less than 0.1 %";
        assert_eq!(
            said,
            [
                above, above, "99.9 %", "90.0 %", "50 %", "0.1 %", below, below
            ]
        );
    }
}
