//! The main table, on the screen and in parts on paper.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::paper::{COLUMNS, Column, Entry, Mark, PaperTable};

/// A cell of the main table.
#[derive(Debug, Serialize)]
pub(super) struct PageCell {
    /// What to sort by; empty where missing.
    key: String,
    text: String,
    interval: String,
    mark: &'static str,
}

/// A row of the main table.
#[derive(Debug, Serialize)]
pub(super) struct PageRow {
    name: String,
    cells: Vec<PageCell>,
}

/// A part of the main table that fits on paper.
#[derive(Debug, Serialize)]
pub(super) struct Block {
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

/// Columns of the main table side by side on paper.
pub(super) const ON_PAPER: usize = 10;

/// The table with its aggregates before its data sets.
pub(super) fn aggregates_first(analysis: &Analysis) -> PaperTable {
    let mut table = PaperTable::new(analysis);
    table.columns.sort_by_key(|column| column.n.is_some());
    for (_, texts) in &mut table.baselines {
        texts.rotate_right(COLUMNS.len());
    }
    table
}

/// The main table in blocks for paper; none where it fits as it is.
pub(super) fn printed(table: &PaperTable) -> Vec<Block> {
    if table.columns.len() <= ON_PAPER {
        return Vec::new();
    }
    let text = |entry: &Option<Entry>| {
        entry.as_ref().map_or_else(
            || "–".to_owned(),
            |entry| match entry.mark {
                Mark::Best => format!("{}*", entry.text),
                Mark::Near => format!("{}†", entry.text),
                Mark::None => entry.text.clone(),
            },
        )
    };
    let block = |(place, columns): (usize, &[Column])| {
        let own = table.names.iter().enumerate().map(|(row, name)| {
            let cells = columns.iter().map(|column| text(&column.entries[row]));
            (name.clone(), cells.collect())
        });
        let first = place * ON_PAPER;
        let baselines = table.baselines.iter().map(|(name, texts)| {
            let texts = texts[first..first + columns.len()].to_vec();
            (name.clone(), texts)
        });
        Block {
            columns: columns.iter().map(|column| column.title.clone()).collect(),
            rows: own.chain(baselines).collect(),
        }
    };
    table
        .columns
        .chunks(ON_PAPER)
        .enumerate()
        .map(block)
        .collect()
}

/// The main table on the screen.
pub(super) fn rows(table: &PaperTable) -> Vec<PageRow> {
    let cell = |entry: &Option<Entry>| match entry {
        None => PageCell {
            key: String::new(),
            text: "–".to_owned(),
            interval: String::new(),
            mark: "",
        },
        Some(entry) => PageCell {
            key: entry.value.to_string(),
            text: match entry.mark {
                Mark::Near => format!("{}†", entry.text),
                _ => entry.text.clone(),
            },
            interval: entry
                .interval
                .map_or_else(String::new, |(low, high)| format!("{low:.2}–{high:.2}")),
            mark: entry.mark.word(),
        },
    };
    let row = |(row, name): (usize, &String)| PageRow {
        name: name.clone(),
        cells: table
            .columns
            .iter()
            .map(|column| cell(&column.entries[row]))
            .collect(),
    };
    table.names.iter().enumerate().map(row).collect()
}
