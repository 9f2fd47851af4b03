//! Accuracy per data set, with its interval.

use super::intervals::{Row, draw};
use crate::analysis::Analysis;
use crate::paper::Mark;

/// One picture per data set, each in its own order.
pub(in crate::html) fn accuracy(analysis: &Analysis) -> Vec<String> {
    (0..analysis.table().data_sets().len())
        .map(|set| one(analysis, set))
        .collect()
}

fn one(analysis: &Analysis, set: usize) -> String {
    let mut order: Vec<usize> = (0..analysis.ranks[set].len())
        .filter(|&row| analysis.ranks[set][row].is_some())
        .collect();
    order.sort_by_key(|&row| analysis.ranks[set][row].map(|rank| rank.min));
    let rows: Vec<Row> = order
        .iter()
        .filter_map(|&row| {
            let cell = analysis.table().cell(row, set)?;
            let decimals = cell.decimals().map_or(2, |decimals| decimals as usize);
            Some(Row {
                name: analysis.framework(row).to_owned(),
                value: cell.percent(),
                interval: analysis.drawn[set].printed[row]?,
                near: Mark::on(analysis, set, row) != Mark::None,
                text: format!("{:.decimals$}", cell.percent()),
            })
        })
        .collect();
    let listed: Vec<String> = rows.iter().map(Row::in_words).collect();
    let name = analysis.data_set(set);
    let description = format!(
        "Accuracy on {name} in percent, best first: {}.",
        listed.join(", ")
    );
    draw(&format!("acc{set}"), name, description, &rows)
}
