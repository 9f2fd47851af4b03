//! The aggregates with their intervals.

use super::intervals::{Row, draw};
use crate::analysis::Analysis;
use crate::paper::{COLUMNS, Mark};
use ssl_aggregate::Aggregate;

/// Every aggregate that has a column, over all data sets.
pub(in crate::html) fn aggregates(analysis: &Analysis) -> Vec<String> {
    let one = |&kind: &Aggregate| one(analysis, kind, &format!("agg-{}", kind.id()));
    COLUMNS.iter().map(one).collect()
}

/// The picture beside the answer: the weighted averages.
pub(in crate::html) fn answer(analysis: &Analysis) -> String {
    one(analysis, Aggregate::Weighted, "answer")
}

fn one(analysis: &Analysis, kind: Aggregate, id: &str) -> String {
    let scores = analysis.all().scores(kind);
    let drawn = analysis.all().drawn(kind);
    let rows: Vec<Row> = scores
        .order()
        .into_iter()
        .filter_map(|row| {
            let (value, interval) = (scores.values[row]?, drawn.value[row]?);
            Some(Row {
                name: analysis.framework(row).to_owned(),
                value,
                interval,
                near: Mark::by(analysis, kind, row) != Mark::None,
                text: format!("{value:.2}"),
            })
        })
        .collect();
    let listed: Vec<String> = rows.iter().map(Row::in_words).collect();
    let description = format!("{}, best first: {}.", kind.name(), listed.join(", "));
    draw(id, kind.name(), description, &rows)
}
