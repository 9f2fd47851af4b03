//! The table as LaTeX, for a document that loads `booktabs`.

use super::analysis::Analysis;
use super::paper::{Entry, Mark, PaperTable};

/// A `table` environment.
#[must_use]
pub fn render(analysis: &Analysis) -> String {
    let table = PaperTable::new(analysis);
    let columns = "r".repeat(table.columns.len());
    let mut text = format!(
        "% \\usepackage{{booktabs}}\n\\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\begin{{tabular}}{{l{columns}}}\n\
         \\toprule\n",
        escape(&table.legend.replace("dagger", "\u{2020}"))
    );
    let titles = table.columns.iter().map(|column| escape(&column.title));
    text.push_str(&line(std::iter::once("Framework".to_owned()).chain(titles)));
    text.push_str("\\midrule\n");
    for (row, name) in table.names.iter().enumerate() {
        let entries = table.columns.iter().map(|column| {
            column.entries[row]
                .as_ref()
                .map_or_else(|| "--".to_owned(), marked)
        });
        text.push_str(&line(std::iter::once(escape(name)).chain(entries)));
    }
    if !table.baselines.is_empty() {
        text.push_str("\\midrule\n");
    }
    for (name, texts) in &table.baselines {
        let texts = texts.iter().map(|text| text.replace('–', "--"));
        text.push_str(&line(std::iter::once(escape(name)).chain(texts)));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
    text
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

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '\u{2020}' => escaped.push_str("$\\dagger$"),
            other => escaped.push(other),
        }
    }
    escaped
}
