//! The tables of measures that have no chart: rank intervals, votes, practical differences, correlations, robustness.

use serde::Serialize;

use super::table::ON_PAPER;
use crate::analysis::Analysis;
use crate::words::{coefficient, compared, interval_of, often};
use ssl_aggregate::{Aggregate, CheckpointSpread, Estimate};

/// A table with a caption.
#[derive(Debug, Serialize)]
pub(super) struct Measures {
    title: &'static str,
    /// Empty for the continuation of the table above.
    note: String,
    head: Vec<String>,
    /// The first field names the row.
    rows: Vec<Vec<String>>,
}

const NONE: &str = "–";

/// All tables that have a row.
pub(super) fn measures(analysis: &Analysis) -> Vec<Measures> {
    let all = [frameworks(analysis), correlations(analysis)].into_iter();
    all.chain(checkpoints(analysis))
        .chain(robustness(analysis))
        .filter(|table| !table.rows.is_empty())
        .collect()
}

/// A row for each framework, best weighted average first.
fn frameworks(analysis: &Analysis) -> Measures {
    let drawn = analysis.all().drawn(Aggregate::Weighted);
    let number =
        |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |it| format!("{it:.1}"));
    let row = |row: usize| {
        let mut practical = analysis.signed_ranks.iter();
        let practical = practical.find(|it| it.rival == row).map(|it| {
            let sides = [it.found.better, it.found.equivalent, it.found.worse];
            sides.map(|side| format!("{:.2}", side)).join(" / ")
        });
        vec![
            analysis.framework(row).to_owned(),
            drawn.rank[row].map_or_else(
                || NONE.to_owned(),
                |(low, high)| format!("{low:.0}–{high:.0}"),
            ),
            drawn.first[row].map_or_else(|| NONE.to_owned(), often),
            number(analysis.borda[row]),
            analysis.copeland[row].to_string(),
            if analysis.pareto.contains(&row) {
                "yes".to_owned()
            } else {
                String::new()
            },
            practical.unwrap_or_else(|| NONE.to_owned()),
        ]
    };
    let comparable = analysis.table().frameworks().len() > 1;
    let rows = analysis.order().into_iter().filter(|_| comparable);
    Measures {
        title: "Every framework",
        note: format!(
            "Ranks that the differences of the weighted average leave after Holm's correction; share of redraws in which a \
             framework is first by it; Borda's count and Copeland's majorities over the data sets; the Pareto front (no other \
             is as good on all data sets and better on one); and how probable it is that the first by mean rank is better, \
             practically equivalent (within {}) or worse, by the Bayesian signed-rank test.",
            analysis.options.rope
        ),
        head: [
            "framework",
            "ranks",
            "first",
            "Borda",
            "Copeland",
            "Pareto front",
            "first by mean rank is better / same / worse",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.map(row).collect(),
    }
}

/// A row for each data set other than the reference.
fn correlations(analysis: &Analysis) -> Measures {
    let estimate = |it: &Estimate| match (it.value, it.interval) {
        (Some(value), Some(ends)) => format!("{} {}", coefficient(value), interval_of(ends)),
        (Some(value), None) => coefficient(value),
        _ => NONE.to_owned(),
    };
    let rows = compared(analysis)
        .filter(|(_, against)| against.correlations.pearson.value.is_some())
        .map(|(set, against)| {
            let found = &against.correlations;
            let range = found.leave_one_out.map_or_else(
                || NONE.to_owned(),
                |range| {
                    let side = |(value, row): (f64, usize)| {
                        format!("{} without {}", coefficient(value), analysis.framework(row))
                    };
                    format!("{} to {}", side(range.lowest), side(range.highest))
                },
            );
            vec![
                analysis.data_set(set).to_owned(),
                estimate(&found.pearson),
                estimate(&found.spearman),
                estimate(&found.kendall),
                range,
            ]
        });
    Measures {
        title: "Correlations with the reference",
        note: "Intervals over frameworks, by Fisher's transform; Pearson's again with each framework left out in turn.".to_owned(),
        head: ["data set", "Pearson", "Spearman", "Kendall", "Pearson, one left out"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    }
}

/// A row for each data set on which a framework has several checkpoints.
fn checkpoints(analysis: &Analysis) -> Option<Measures> {
    let found = analysis.input.checkpoints.as_ref()?;
    let row = |set: &CheckpointSpread| {
        let between = set.between.map(|between| format!("{between:.2}"));
        let ranges = set.ranges.iter().map(|range| {
            range.map_or_else(
                || NONE.to_owned(),
                |(low, high)| format!("{low:.2} to {high:.2}"),
            )
        });
        let spreads = [
            set.data_set.clone(),
            format!("{:.2}", set.within),
            between.unwrap_or_else(|| NONE.to_owned()),
        ];
        spreads.into_iter().chain(ranges).collect()
    };
    let several = found.frameworks.iter();
    let several = several.map(|(name, count)| format!("{name}, lowest to highest of {count}"));
    let head = ["data set", "between checkpoints", "between frameworks"].map(str::to_owned);
    Some(Measures {
        title: "The checkpoint lottery",
        note: "Standard deviations in points: between checkpoints of one framework, pooled over those that have several, and \
               between frameworks, each the mean over its checkpoints. Both hold the chance of images and runs."
            .to_owned(),
        head: head.into_iter().chain(several).collect(),
        rows: found.data_sets.iter().map(row).collect(),
    })
}

/// A data set and the residuals of all frameworks on it.
type Residuals<'a> = (usize, &'a [Option<f64>]);

/// Effective robustness: a row for each framework, a column for each data set other than the reference, as many as paper holds
/// side by side.
fn robustness(analysis: &Analysis) -> Vec<Measures> {
    let sets: Vec<Residuals<'_>> = compared(analysis)
        .filter_map(|(set, against)| Some((set, against.robustness.as_ref()?.residuals.as_slice())))
        .collect();
    let part = |(place, sets): (usize, &[Residuals<'_>])| {
        let row = |row: usize| {
            let values = sets.iter().map(|(_, residuals)| {
                residuals[row].map_or_else(|| NONE.to_owned(), |points| format!("{points:+.2}"))
            });
            let name = analysis.framework(row).to_owned();
            std::iter::once(name).chain(values).collect()
        };
        let names = sets
            .iter()
            .map(|(set, _)| analysis.data_set(*set).to_owned());
        let note = "Points above or below what the accuracy on the reference lets expect, by the least-squares line of the \
                    logits.";
        Measures {
            title: "Effective robustness",
            note: if place == 0 {
                note.to_owned()
            } else {
                String::new()
            },
            head: std::iter::once("framework".to_owned())
                .chain(names)
                .collect(),
            rows: analysis.order().into_iter().map(row).collect(),
        }
    };
    sets.chunks(ON_PAPER).enumerate().map(part).collect()
}
