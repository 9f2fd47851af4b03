//! The table of a report on a terminal: as many columns side by side as fit, the others below.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table as Grid, TableStyle};

use super::names::shortened;
use super::terminal::WIDTH;
use crate::aggregate::{Aggregate, Cell, Pool, Rank, Scores, Table, aggregate, ranks};

/// Title of the first column.
const HEADER: &str = "framework";

/// Names longer than this lose their middle.
const LONGEST_NAME: usize = 28;

/// Lines over which a heading may break.
const HEADING_LINES: usize = 3;

/// Narrowest headings before columns move to a block of their own.
const NARROWEST: usize = 6;

/// Space around a column's content: one on each side, one between columns.
const SPACE: usize = 3;

/// A rule under the header and no other lines.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A column without its heading's line breaks.
struct Column {
    title: String,
    cells: Vec<String>,
}

impl Column {
    /// Letters of the widest cell.
    fn content(&self) -> usize {
        let widths = self.cells.iter().map(|cell| cell.chars().count());
        widths.max().unwrap_or(0)
    }

    /// Letters, where headings are broken at `limit`.
    fn width(&self, limit: usize) -> usize {
        self.title.chars().count().min(limit).max(self.content())
    }
}

/// One row per framework, best weighted average first: accuracy per data set, weighted average, geometric mean, mean
/// rank. The best of each column carries a `*`.
#[must_use]
pub fn summary(table: &Table) -> String {
    let (names, columns) = columns(table);
    let names: Vec<String> = names
        .iter()
        .map(|name| shortened(name, LONGEST_NAME))
        .collect();
    let lengths = names.iter().map(|name| name.chars().count());
    let first = lengths.max().unwrap_or(0).max(HEADER.len()) + SPACE;
    let total = |limit: usize| {
        let widths = columns.iter().map(|column| column.width(limit) + SPACE);
        first + widths.sum::<usize>()
    };
    let longest = columns.iter().map(|column| column.title.chars().count());
    let longest = longest.max().unwrap_or(0).max(NARROWEST);
    // Headings break first, columns move below only where that is not enough.
    let limit = (NARROWEST..=longest)
        .rev()
        .find(|&limit| total(limit) <= WIDTH + 1)
        .unwrap_or(LONGEST_NAME / 2);
    let mut blocks: Vec<Vec<&Column>> = vec![Vec::new()];
    let mut used = first;
    for column in &columns {
        let width = column.width(limit) + SPACE;
        if used + width > WIDTH + 1 && blocks.last().is_some_and(|block| !block.is_empty()) {
            blocks.push(Vec::new());
            used = first;
        }
        used += width;
        if let Some(block) = blocks.last_mut() {
            block.push(column);
        }
    }
    let blocks: Vec<String> = blocks
        .iter()
        .map(|block| grid(&names, block, limit))
        .collect();
    let mut text = blocks.join("\n\n");
    text.push_str("\n* best of its column; percent; w.avg weighted average, g.mean geometric mean, rank mean rank\n");
    let missing = table.missing().len();
    if missing > 0 {
        text.push_str(&format!(
            "{missing} missing cells (–): a framework without all data sets has no aggregate\n"
        ));
    }
    text
}

/// Names of the frameworks in the order printed, and all columns in that order.
fn columns(table: &Table) -> (Vec<&str>, Vec<Column>) {
    let pool = Pool::all(table);
    let scores = [
        ("w.avg", Aggregate::Weighted),
        ("g.mean", Aggregate::Geometric),
        ("rank", Aggregate::MeanRank),
    ]
    .map(|(title, kind)| (title, aggregate(table, &pool.data_sets, kind)));
    let weighted = &scores[0].1;
    let mut order = weighted.order();
    order.extend((0..table.frameworks().len()).filter(|&row| weighted.ranks[row].is_none()));
    let data_set = |&set: &usize| {
        let ranks = ranks(table, set);
        let percent = |row: usize| table.cell(row, set).as_ref().map(Cell::percent);
        Column {
            title: table.data_sets()[set].name.clone(),
            cells: order
                .iter()
                .map(|&row| marked(percent(row), ranks[row], 1))
                .collect(),
        }
    };
    let aggregates = scores.iter().map(|(title, scores)| Column {
        title: (*title).to_owned(),
        cells: order.iter().map(|&row| score(scores, row)).collect(),
    });
    let columns = pool.data_sets.iter().map(data_set).chain(aggregates);
    let columns = columns.collect();
    let names = order.iter().map(|&row| table.frameworks()[row].as_str());
    (names.collect(), columns)
}

fn grid(names: &[String], columns: &[&Column], limit: usize) -> String {
    let mut grid = Grid::new();
    grid.load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled);
    let titles = columns
        .iter()
        .map(|column| heading(&column.title, column.width(limit)));
    grid.set_header(std::iter::once(HEADER.to_owned()).chain(titles));
    for (row, name) in names.iter().enumerate() {
        let cells = columns.iter().map(|column| column.cells[row].as_str());
        grid.add_row(std::iter::once(name.as_str()).chain(cells));
    }
    for column in grid.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    grid.trim_fmt()
}

/// A heading broken into lines of `width` letters, cut off after the last line allowed.
fn heading(title: &str, width: usize) -> String {
    let letters: Vec<char> = title.chars().collect();
    let mut lines: Vec<String> = letters
        .chunks(width.max(1))
        .map(|line| line.iter().collect())
        .collect();
    if lines.len() > HEADING_LINES {
        lines.truncate(HEADING_LINES);
        if let Some(last) = lines.last_mut() {
            last.pop();
            last.push('…');
        }
    }
    lines.join("\n")
}

fn score(scores: &Scores, row: usize) -> String {
    marked(scores.values[row], scores.ranks[row], 2)
}

fn marked(value: Option<f64>, rank: Option<Rank>, decimals: usize) -> String {
    let best = if rank.is_some_and(|rank| rank.min == 1) {
        "*"
    } else {
        " "
    };
    value.map_or_else(
        || "– ".to_owned(),
        |value| format!("{value:.decimals$}{best}"),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::aggregate::{DataSet, Record};

    fn record(framework: &str, data_set: &str, correct: u64) -> Record {
        Record {
            framework: framework.to_owned(),
            data_set: data_set.to_owned(),
            label_space: "full-10".to_owned(),
            protocol: "knn".to_owned(),
            correct,
            n: 1000,
            same_images_as: None,
        }
    }

    #[test]
    fn best_first_marked_and_within_the_width() {
        let mut records = Vec::new();
        for data_set in ["val", "real", "v2", "rendition", "sketch", "adversarial"] {
            records.push(record("barlow", data_set, 512));
            records.push(record("deepcluster-multicrop", data_set, 700));
            records.push(record("simclr", data_set, 600));
        }
        let text = summary(&Table::from_records(&records).unwrap());
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        let place = |name: &str| text.find(name).unwrap();
        assert!(place("deepcluster") < place("simclr") && place("simclr") < place("barlow"));
        assert_eq!(text.matches("70.0*").count(), 6);
        assert_eq!(text.matches("70.00*").count(), 2);
        assert!(text.contains("1.00*") && text.contains("51.2 "));
    }

    #[test]
    fn what_does_not_fit_side_by_side_stands_below() {
        let mut records = Vec::new();
        for set in 0..20 {
            for framework in [
                "a method whose name is rather long 1",
                "a method whose name is rather long 2",
            ] {
                let correct = if framework.ends_with('1') { 700 } else { 1000 };
                records.push(record(
                    framework,
                    &format!("a data set with a long name {set}"),
                    correct,
                ));
            }
        }
        let text = summary(&Table::from_records(&records).unwrap());
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        // Numbers stay whole, in blocks that each name the frameworks.
        assert_eq!(text.matches("100.0*").count(), 20, "{text}");
        assert_eq!(
            text.matches("framework ").count(),
            text.matches("long 1").count(),
            "{text}"
        );
        assert!(text.matches("long 2").count() > 1 && text.contains("w.avg"));
    }

    #[test]
    fn headings_break_before_numbers_do() {
        assert_eq!(heading("rendition", 9), "rendition");
        assert_eq!(heading("adversarial", 6), "advers\narial");
        assert_eq!(
            heading("abcdefghijklmnopqrstuvwxyz", 5),
            "abcde\nfghij\nklmn…"
        );
    }

    #[test]
    fn a_missing_cell_is_a_dash_and_said() {
        let records = [
            record("a", "val", 1),
            record("a", "v2", 2),
            record("b", "val", 3),
        ];
        let table = Table::from_records(&records).unwrap();
        assert_eq!(
            table.data_sets()[1],
            DataSet {
                name: "v2".to_owned(),
                ..table.data_sets()[1].clone()
            }
        );
        let text = summary(&table);
        assert!(text.contains('–') && text.contains("1 missing cells"));
    }
}
