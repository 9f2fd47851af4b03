//! The table and the findings as Markdown.

use super::analysis::Analysis;
use super::paper::{Entry, Mark, PaperTable};
use super::words::{carried, headline, sections};

/// A headline, the table, the findings and the notes.
#[must_use]
pub fn render(analysis: &Analysis) -> String {
    let table = PaperTable::new(analysis);
    let mut text = format!(
        "## {}\n\n**{}**\n\n",
        escape(&analysis.input.title),
        escape(&headline(analysis))
    );
    let titles = table.columns.iter().map(|column| escape(&column.title));
    text.push_str(&line(std::iter::once("framework".to_owned()).chain(titles)));
    text.push_str(&line(
        std::iter::once(":---".to_owned()).chain(table.columns.iter().map(|_| "---:".to_owned())),
    ));
    if table.columns.iter().any(|column| column.n.is_some()) {
        let counts = table
            .columns
            .iter()
            .map(|column| column.n.map_or_else(String::new, |n| n.to_string()));
        text.push_str(&line(std::iter::once("n".to_owned()).chain(counts)));
    }
    for (row, name) in table.names.iter().enumerate() {
        let entries = table.columns.iter().enumerate().map(|(place, column)| {
            column.entries[row].as_ref().map_or_else(
                || "–".to_owned(),
                |entry| marked(entry, &spread(analysis, table.order[row], place)),
            )
        });
        text.push_str(&line(std::iter::once(escape(name)).chain(entries)));
    }
    for (name, texts) in &table.baselines {
        let texts = texts.iter().cloned();
        text.push_str(&line(std::iter::once(escape(name)).chain(texts)));
    }
    text.push_str(&intervals(analysis, &table));
    text.push_str(&format!(
        "\n{}{}\n",
        escape(&table.legend.replace("dagger", "†")),
        if analysis.table().repeats() {
            " A number after ± is the standard deviation between runs: seeds, or the heads of a single seed."
        } else {
            ""
        }
    ));
    if let Some((title, lines)) = carried(analysis) {
        text.push_str(&format!("\n### {}\n\n", escape(&title)));
        text.extend(lines.iter().map(|line| format!("- {}\n", escape(line))));
    }
    for (title, lines) in sections(analysis) {
        if !lines.is_empty() {
            text.push_str(&format!("\n### {title}\n\n"));
        }
        for line in lines {
            text.push_str(&format!("- {}\n", escape(&line)));
        }
    }
    text
}

/// A second table of the same rows and columns, with the intervals.
fn intervals(analysis: &Analysis, table: &PaperTable) -> String {
    let percent = (1000.0 * analysis.confidence()).round() / 10.0;
    let titles = table.columns.iter().map(|column| escape(&column.title));
    let mut text = format!("\n{percent} % intervals:\n\n");
    text.push_str(&line(std::iter::once("framework".to_owned()).chain(titles)));
    text.push_str(&line(
        std::iter::once(":---".to_owned()).chain(table.columns.iter().map(|_| "---:".to_owned())),
    ));
    for (row, name) in table.names.iter().enumerate() {
        let bounds = table.columns.iter().map(|column| {
            let interval = column.entries[row].as_ref().and_then(|it| it.interval);
            interval.map_or_else(
                || "–".to_owned(),
                |(low, high)| format!("{low:.2}–{high:.2}"),
            )
        });
        text.push_str(&line(std::iter::once(escape(name)).chain(bounds)));
    }
    text
}

/// The standard deviation between the runs of a row on a data set, behind its accuracy; nothing for other columns.
fn spread(analysis: &Analysis, row: usize, column: usize) -> String {
    let table = analysis.table();
    let is_set = column < table.data_sets().len();
    let spread = is_set.then(|| table.runs(row).on(column)).flatten();
    spread.map_or_else(String::new, |it| format!(" ± {:.2}", it.variance.sqrt()))
}

fn marked(entry: &Entry, spread: &str) -> String {
    let text = format!("{}{spread}", entry.text);
    match entry.mark {
        Mark::Best => format!("**{text}**"),
        Mark::Near => format!("{text}†"),
        Mark::None => text,
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// Escapes what would end a cell, start markup or become a link.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let link = rest.starts_with("://") || rest.starts_with("www.");
        match letter {
            '@' => escaped.push_str("&#64;"),
            'w' if link => {
                escaped.push_str("www\\");
                rest = &rest[2..];
            }
            ':' if link => escaped.push_str("\\:"),
            '|' | '*' | '_' | '<' | '>' | '`' | '\\' | '[' | ']' | '#' | '~' | '&' | '!' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            other => escaped.push(other),
        }
        rest = &rest[letter.len_utf8()..];
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_escapes_names() {
        assert_eq!(escape("[a](b)|![x]"), "\\[a\\](b)\\|\\!\\[x\\]");
        assert_eq!(escape("# http://x"), "\\# http\\://x");
        assert_eq!(escape("www.x a@b <b>"), "www\\.x a&#64;b \\<b\\>");
        assert_eq!(escape("47.5 %, plain"), "47.5 %, plain");
    }
}
