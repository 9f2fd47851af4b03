//! The aggregates with their intervals.

use super::intervals::{Row, draw};
use crate::analysis::Analysis;
use ssl_aggregate::Aggregate;

const SHOWN: [Aggregate; 3] = [
    Aggregate::Weighted,
    Aggregate::Geometric,
    Aggregate::MeanRank,
];

/// Weighted average, geometric mean and mean rank over all data sets.
pub(in crate::html) fn aggregates(analysis: &Analysis) -> Vec<String> {
    SHOWN.iter().map(|&kind| one(analysis, kind)).collect()
}

fn one(analysis: &Analysis, kind: Aggregate) -> String {
    let scores = analysis.all().scores(kind);
    let drawn = analysis.all().drawn(kind);
    let tier = analysis.all().first_tier(kind);
    let rows: Vec<Row> = scores
        .order()
        .into_iter()
        .filter_map(|row| {
            let (value, interval) = (scores.values[row]?, drawn.value[row]?);
            Some(Row {
                name: analysis.framework(row).to_owned(),
                value,
                interval,
                near: tier.contains(&row),
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
