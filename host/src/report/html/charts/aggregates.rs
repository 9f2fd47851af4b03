//! The aggregates with their bootstrap intervals.

use super::intervals::{Row, draw};
use crate::aggregate::Aggregate;
use crate::report::analysis::{Analysis, place};

const SHOWN: [Aggregate; 3] = [
    Aggregate::Weighted,
    Aggregate::Geometric,
    Aggregate::MeanRank,
];

/// Weighted average, geometric mean and mean rank over all data sets.
pub(in crate::report::html) fn aggregates(analysis: &Analysis) -> Vec<String> {
    SHOWN.iter().map(|&kind| one(analysis, kind)).collect()
}

fn one(analysis: &Analysis, kind: Aggregate) -> String {
    let scores = analysis.all().scores(kind);
    let drawn = &analysis.bootstrap.pools[0][place(kind)];
    let best = scores.order().first().and_then(|&row| drawn.value[row]);
    let rows: Vec<Row> = scores
        .order()
        .into_iter()
        .filter_map(|row| {
            let (value, interval) = (scores.values[row]?, drawn.value[row]?);
            let overlaps = best.is_some_and(|best| interval.0 <= best.1 && best.0 <= interval.1);
            Some(Row {
                name: analysis.framework(row).to_owned(),
                value,
                interval,
                near: overlaps,
                text: format!("{value:.2}"),
            })
        })
        .collect();
    let listed: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}", row.name, row.text))
        .collect();
    let description = format!("{}, best first: {}.", kind.name(), listed.join(", "));
    draw(
        &format!("agg-{}", kind.id()),
        kind.name(),
        description,
        &rows,
    )
}
