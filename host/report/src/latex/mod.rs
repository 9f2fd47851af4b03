//! The table as LaTeX, for a document of two columns that loads `booktabs`.

mod escape;
mod width;

use super::analysis::Analysis;
use super::paper::{Column, Entry, Mark, PaperTable};
use escape::{escape, label};
use width::{TEXT_WIDTH, points};

/// Letters of a data set's name in the head of a column.
const LONGEST_HEAD: usize = 14;

/// Letters of a framework's name.
const LONGEST_NAME: usize = 24;

/// Space between columns, in points, as `\tabcolsep` sets it on either side.
const SEPARATION: f64 = 3.0;

/// `table*` environments as wide as a page of two columns: one, or several with the same rows where the columns do not fit.
///
/// With `intervals` each row has its intervals in a line below.
#[must_use]
pub fn render(analysis: &Analysis, intervals: bool) -> String {
    let table = PaperTable::new(analysis);
    let blocks = blocks(&table, intervals);
    let mut text = "% \\usepackage{booktabs}\n".to_owned();
    for (place, block) in blocks.iter().enumerate() {
        let continued = match place {
            0 => escape(&table.legend.replace("dagger", "\u{2020}")),
            _ => "Continued.".to_owned(),
        };
        let number = match place {
            0 => String::new(),
            _ => format!("-{}", place + 1),
        };
        text.push_str(&format!(
            "\\begin{{table*}}[t]\n\\centering\n\\small\n\\setlength{{\\tabcolsep}}{{{SEPARATION}pt}}\n\\caption{{{continued}}}\n\
             \\label{{tab:{}{number}}}\n",
            label(&analysis.input.title)
        ));
        text.push_str(&tabular(&table, block, intervals));
        text.push_str("\\end{table*}\n");
    }
    text
}

/// Columns side by side as far as they fit.
fn blocks(table: &PaperTable, intervals: bool) -> Vec<Vec<(usize, &Column)>> {
    let names = table.names.iter().map(|name| name.as_str());
    let names = names.chain(table.baselines.iter().map(|(name, _)| name.as_str()));
    let first = names
        .map(|name| points(&short(name, LONGEST_NAME)))
        .fold(points("Framework"), f64::max);
    let mut blocks: Vec<Vec<(usize, &Column)>> = vec![Vec::new()];
    let mut used = first;
    for (place, column) in table.columns.iter().enumerate() {
        let width = column_width(column, intervals) + 2.0 * SEPARATION;
        if used + width > TEXT_WIDTH && blocks.last().is_some_and(|block| !block.is_empty()) {
            blocks.push(Vec::new());
            used = first;
        }
        used += width;
        if let Some(block) = blocks.last_mut() {
            block.push((place, column));
        }
    }
    blocks
}

fn column_width(column: &Column, intervals: bool) -> f64 {
    let entries = column.entries.iter().flatten();
    let texts = entries.map(|entry| points(&entry.text) + points("\u{2020}"));
    let bounds = column.entries.iter().flatten().filter(|_| intervals);
    // The interval's type is smaller.
    let bounds = bounds.map(|entry| 0.8 * points(&interval(entry)));
    let fixed = [points(&head(column)), points(&count(column))];
    texts.chain(bounds).chain(fixed).fold(0.0, f64::max)
}

fn tabular(table: &PaperTable, block: &[(usize, &Column)], intervals: bool) -> String {
    let columns = "r".repeat(block.len());
    let mut text = format!("\\begin{{tabular}}{{@{{}}l{columns}@{{}}}}\n\\toprule\n");
    let heads = block.iter().map(|(_, column)| escape(&head(column)));
    text.push_str(&line(std::iter::once("Framework".to_owned()).chain(heads)));
    let counts = block
        .iter()
        .map(|(_, column)| count(column).replace(',', "{,}"));
    text.push_str(&line(std::iter::once("$n$".to_owned()).chain(counts)));
    text.push_str("\\midrule\n");
    for (row, name) in table.names.iter().enumerate() {
        let entries = || block.iter().map(|(_, column)| column.entries[row].as_ref());
        let values = entries().map(|entry| entry.map_or_else(|| "--".to_owned(), marked));
        let name = escape(&short(name, LONGEST_NAME));
        text.push_str(&line(std::iter::once(name).chain(values)));
        if intervals {
            let bounds = entries().map(|entry| entry.map_or_else(String::new, bounds));
            text.push_str(&line(std::iter::once(String::new()).chain(bounds)));
        }
    }
    if !table.baselines.is_empty() {
        text.push_str("\\midrule\n");
    }
    for (name, texts) in &table.baselines {
        let texts = block
            .iter()
            .map(|(place, _)| texts[*place].replace('–', "--"));
        let name = escape(&short(name, LONGEST_NAME));
        text.push_str(&line(std::iter::once(name).chain(texts)));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n");
    text
}

/// The head of a column: an aggregate's in a few letters.
fn head(column: &Column) -> String {
    match column.title.as_str() {
        "weighted average" if column.n.is_none() => "w. avg.".to_owned(),
        "geometric mean" if column.n.is_none() => "g. mean".to_owned(),
        "mean rank" if column.n.is_none() => "rank".to_owned(),
        title => short(title, LONGEST_HEAD),
    }
}

/// Images with commas between thousands; empty for an aggregate.
fn count(column: &Column) -> String {
    let Some(n) = column.n else {
        return String::new();
    };
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn short(name: &str, longest: usize) -> String {
    super::names::shortened(name, longest)
}

fn interval(entry: &Entry) -> String {
    let decimals = entry
        .text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    entry.interval.map_or_else(String::new, |(low, high)| {
        format!("{low:.decimals$}–{high:.decimals$}")
    })
}

fn bounds(entry: &Entry) -> String {
    match interval(entry).replace('–', "--") {
        empty if empty.is_empty() => empty,
        text => format!("{{\\scriptsize {text}}}"),
    }
}

fn marked(entry: &Entry) -> String {
    match entry.mark {
        Mark::Best => format!("\\textbf{{{}}}", entry.text),
        Mark::Near => format!("{}$^\\dagger$", entry.text),
        Mark::None => entry.text.clone(),
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("{} \\\\\n", cells.collect::<Vec<_>>().join(" & "))
}
