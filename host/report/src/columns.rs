//! Columns of a table on a terminal: as many side by side as fit, the others below.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table as Grid, TableStyle};

/// Widest line printed.
pub(super) const WIDTH: usize = 80;

/// Title of the first column.
const HEADER: &str = "framework";

/// Lines over which a heading may break.
const HEADING_LINES: usize = 3;

/// Width of headings where columns have moved to a block of their own.
const BROKEN: usize = 14;

/// Narrowest headings before columns move to a block of their own.
const NARROWEST: usize = 6;

/// Space behind a column's content: its padding, and one between columns.
const SPACE: usize = 2;

/// A rule under the header and no other lines.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A column without its heading's line breaks.
pub(super) struct Column {
    /// The heading.
    pub(super) title: String,
    /// One for each row.
    pub(super) cells: Vec<String>,
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

/// The columns under their headings, in blocks that each begin with the rows' names. `last` stays in one block.
pub(super) fn blocks(names: &[String], columns: &[Column], last: &[Column]) -> String {
    let lengths = names.iter().map(|name| name.chars().count());
    let first = lengths.max().unwrap_or(0).max(HEADER.len()) + SPACE;
    let all = || columns.iter().chain(last);
    let total = |limit: usize| {
        let widths = all().map(|column| column.width(limit) + SPACE);
        first + widths.sum::<usize>()
    };
    let longest = all().map(|column| column.title.chars().count());
    let longest = longest.max().unwrap_or(0).max(NARROWEST);
    // Headings break first, columns move below only where that is not enough.
    let limit = (NARROWEST..=longest)
        .rev()
        .find(|&limit| total(limit) <= WIDTH + 1)
        .unwrap_or(BROKEN);
    let mut blocks: Vec<Vec<&Column>> = vec![Vec::new()];
    let mut used = first;
    for unit in columns.chunks(1).chain(std::iter::once(last)) {
        let widths = unit.iter().map(|column| column.width(limit) + SPACE);
        let width: usize = widths.sum();
        if used + width > WIDTH + 1 && blocks.last().is_some_and(|block| !block.is_empty()) {
            blocks.push(Vec::new());
            used = first;
        }
        used += width;
        if let Some(block) = blocks.last_mut() {
            block.extend(unit);
        }
    }
    let blocks: Vec<String> = blocks
        .iter()
        .map(|block| grid(names, block, limit))
        .collect();
    blocks.join("\n\n")
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
    for column in grid.column_iter_mut() {
        column.set_padding((0, 1));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_break_before_numbers_do() {
        assert_eq!(heading("rendition", 9), "rendition");
        assert_eq!(heading("adversarial", 6), "advers\narial");
        assert_eq!(
            heading("abcdefghijklmnopqrstuvwxyz", 5),
            "abcde\nfghij\nklmn…"
        );
    }
}
