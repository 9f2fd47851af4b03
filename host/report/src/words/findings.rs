//! What else the numbers say, one sentence each.

use super::{checkpoints, coefficient, compared, interval_of, over_sets, spread};
use crate::analysis::{Analysis, PoolAnalysis};
use crate::prose::{counted, list};
use ssl_aggregate::Aggregate;

/// The findings below the headline, most important first.
#[must_use]
pub fn findings(analysis: &Analysis) -> Vec<String> {
    if analysis.table().frameworks().len() < 2 {
        return spread::components(analysis).into_iter().collect();
    }
    let mut findings = Vec::new();
    findings.extend(tiers(analysis));
    findings.extend(spread::runs(analysis));
    findings.extend(checkpoints::against_frameworks(analysis));
    findings.extend(rules(analysis));
    findings.extend(second_place(analysis));
    findings.extend(neighbours(analysis));
    findings.extend(over_sets::detectable(analysis));
    findings.extend(carried_over(analysis));
    findings.extend(correlated(analysis));
    findings.extend(over_sets::closer(analysis));
    findings.extend(over_sets::practical(analysis));
    findings.extend(lottery(analysis));
    findings.extend(rounding(analysis));
    findings.extend(spread::components(analysis));
    findings
}

/// Who cannot be told apart from the first, on each data set and by the two headline aggregates.
fn tiers(analysis: &Analysis) -> Option<String> {
    let names = |tier: Vec<usize>| {
        let names: Vec<&str> = tier.iter().map(|&row| analysis.framework(row)).collect();
        list(&names)
    };
    let sets = (0..analysis.tests.len())
        .filter(|&set| !analysis.tests[set].pairs.is_empty())
        .map(|set| (analysis.data_set(set), analysis.first_tier(set)));
    let averages = [Aggregate::Weighted, Aggregate::Geometric]
        .map(|kind| (kind.name(), analysis.all().first_tier(kind)));
    let all: Vec<(&str, Vec<usize>)> = sets
        .chain(averages)
        .filter(|(_, tier)| !tier.is_empty())
        .collect();
    let (clear, open): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, tier)| tier.len() == 1);
    let listed = |groups: Vec<(&str, Vec<usize>)>| -> Vec<String> {
        groups
            .into_iter()
            .map(|(name, tier)| format!("{name}: {}", names(tier)))
            .collect()
    };
    let mut sentences = Vec::new();
    if !open.is_empty() {
        sentences.push(format!(
            "The first place cannot be told apart from the others named with it (Holm over the pairs of each) – {}.",
            listed(open).join("; ")
        ));
    }
    if !clear.is_empty() {
        sentences.push(format!(
            "It is ahead of each other framework – {}.",
            listed(clear).join("; ")
        ));
    }
    if sentences.len() == 1 {
        sentences[0] = sentences[0].replacen("It is ahead", "The first place is ahead", 1);
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// Whether defensible rules agree on the winner.
fn rules(analysis: &Analysis) -> Option<String> {
    let pool = analysis.all();
    let best = |values: Vec<Option<f64>>| -> String {
        let top = values
            .iter()
            .flatten()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let names: Vec<&str> = (0..values.len())
            .filter(|&row| values[row] == Some(top))
            .map(|row| analysis.framework(row))
            .collect();
        list(&names)
    };
    let mean = |kind: Aggregate| {
        let leaders = pool.scores(kind).leaders();
        list(
            &leaders
                .iter()
                .map(|&row| analysis.framework(row))
                .collect::<Vec<_>>(),
        )
    };
    if pool.scores(Aggregate::Weighted).leaders().is_empty() {
        return None;
    }
    let copeland = analysis
        .copeland
        .iter()
        .map(|&score| Some(score as f64))
        .collect();
    let winners = [
        ("weighted average", mean(Aggregate::Weighted)),
        ("geometric mean", mean(Aggregate::Geometric)),
        ("mean rank", mean(Aggregate::MeanRank)),
        ("Borda's count", best(analysis.borda.clone())),
        ("Copeland's pairwise majorities", best(copeland)),
    ];
    let mut names: Vec<&str> = Vec::new();
    for (_, winner) in &winners {
        if !names.contains(&winner.as_str()) {
            names.push(winner);
        }
    }
    if names.len() == 1 {
        return Some(format!(
            "All five rules of aggregation name {} first.",
            names[0]
        ));
    }
    let by = |name: &str| {
        let rules: Vec<&str> = winners
            .iter()
            .filter(|(_, winner)| winner == name)
            .map(|(rule, _)| *rule)
            .collect();
        format!("{name} ({})", rules.join(", "))
    };
    let groups: Vec<String> = names.iter().map(|name| by(name)).collect();
    Some(format!(
        "Defensible rules name {} different winners: {}.",
        names.len(),
        groups.join("; ")
    ))
}

/// Whether the places after the first depend on the pool.
fn second_place(analysis: &Analysis) -> Option<String> {
    let without = analysis
        .pool("without_reference")
        .filter(|pool| !pool.pool.data_sets.is_empty())?;
    // A place that several share is nobody's.
    let second = |pool: &PoolAnalysis| {
        let scores = pool.scores(Aggregate::Weighted);
        let row = *scores.order().get(1)?;
        let alone = scores.ranks[row].is_some_and(|rank| (rank.min, rank.tied) == (2, 1));
        alone.then(|| analysis.framework(row).to_owned())
    };
    let (with, bare) = (second(analysis.all())?, second(without)?);
    let reference = analysis.data_set(analysis.reference?);
    (with != bare).then(|| {
        format!("The second place by weighted average is {with}'s with {reference} in the pool and {bare}'s without it.")
    })
}

/// How many neighbours in the rankings differ significantly.
fn neighbours(analysis: &Analysis) -> Option<String> {
    let table = analysis.table();
    let gaps: usize = analysis
        .tests
        .iter()
        .map(|tests| tests.adjacent(table).len())
        .sum();
    let open: usize = analysis
        .tests
        .iter()
        .map(|tests| tests.adjacent_not_significant(table))
        .sum();
    (gaps > 0).then(|| {
        format!(
            "{open} of {gaps} {} over {} showed no significant difference at level {}, before any correction.",
            if gaps == 1 {
                "pair of neighbouring places"
            } else {
                "pairs of neighbouring places"
            },
            counted(analysis.tests.len(), "data set"),
            analysis.options.alpha
        )
    })
}

/// On which data sets the order of the reference is significantly reversed.
fn carried_over(analysis: &Analysis) -> Option<String> {
    let reference = analysis.data_set(analysis.reference?);
    let parts: Vec<String> = compared(analysis)
        .map(|(set, against)| {
            format!(
                "{} {} ({}, {}, {})",
                analysis.data_set(set),
                against.flips.all.len(),
                against.flips.significant.len(),
                against.flips.after_holm.len(),
                against.flips.after_holm_over_all.len()
            )
        })
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Pairs whose order on {reference} is reversed, in brackets those significant on both sides without \
             correction, after Holm within each set, and after Holm over all sets: {}.",
            parts.join(", ")
        )
    })
}

/// How well the reference predicts the other sets, and how little is known about that.
fn correlated(analysis: &Analysis) -> Option<String> {
    let reference = analysis.data_set(analysis.reference?);
    let parts: Vec<String> = compared(analysis)
        .filter_map(|(set, against)| {
            let pearson = against.correlations.pearson;
            let interval = pearson
                .interval
                .map_or_else(String::new, |ends| format!(" {}", interval_of(ends)));
            Some(format!(
                "{} {}{interval}",
                analysis.data_set(set),
                coefficient(pearson.value?)
            ))
        })
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Pearson's correlation with {reference}, with its interval over frameworks: {}.",
            parts.join(", ")
        )
    })
}

/// How often the winner depends on the choice of data sets.
fn lottery(analysis: &Analysis) -> Option<String> {
    let shares = &analysis.all().winner_shares;
    let parts: Vec<String> = shares
        .iter()
        .flatten()
        .map(|share| {
            let mut wins: Vec<(f64, usize)> = share
                .wins
                .iter()
                .enumerate()
                .filter_map(|(row, wins)| Some((((*wins)?), row)))
                .collect();
            wins.sort_by(|a, b| b.0.total_cmp(&a.0));
            let names: Vec<String> = wins
                .iter()
                .filter(|(wins, _)| *wins > 0.0)
                .take(3)
                .map(|(wins, row)| {
                    // A win split between three is no finite decimal.
                    let wins = (100.0 * wins).round() / 100.0;
                    format!("{} {wins}", analysis.framework(*row))
                })
                .collect();
            format!("{} {}", share.aggregate.name(), names.join(", "))
        })
        .collect();
    let share = shares.iter().flatten().next()?;
    let choices = match (share.subsets, share.sampled) {
        (1, _) => "With the only choice of data sets".to_owned(),
        (subsets, true) => format!("Of {subsets} random choices of data sets"),
        (subsets, false) => format!("Of the {subsets} choices of data sets"),
    };
    Some(format!("{choices}, wins by {}.", parts.join("; by ")))
}

/// Whether the rounding of the published table could swap the first two places.
fn rounding(analysis: &Analysis) -> Option<String> {
    let pool = analysis.all();
    let kind = Aggregate::Geometric;
    let lead = pool.lead(kind)?;
    let range =
        |row| ssl_aggregate::rounding_range(analysis.table(), &pool.pool.data_sets, kind, row);
    let (leader, rival) = (range(lead.leader)?, range(lead.runner_up)?);
    (leader.0 < rival.1 && lead.gap > 0.0).then(|| {
        format!(
            "Rounding of the table alone moves the {} of {} over [{:.2}, {:.2}] and that of {} over [{:.2}, {:.2}].",
            kind.name(),
            analysis.framework(lead.leader),
            leader.0,
            leader.1,
            analysis.framework(lead.runner_up),
            rival.0,
            rival.1
        )
    })
}
