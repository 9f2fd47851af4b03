//! The report on a terminal, within 80 columns.

use super::columns::WIDTH;
use super::paper::Mark;
use super::summary::{self, Near, Verified};
use super::words::sections;
use super::{Analysis, headline};

/// The summary, what is and is not supported, and what a reader must know.
#[must_use]
pub fn render(analysis: &Analysis) -> String {
    let near = Near {
        on: &|set, row| Mark::on(analysis, set, row) == Mark::Near,
        by: &|kind, row| Mark::by(analysis, kind, row) == Mark::Near,
    };
    let verified = Verified {
        all: &analysis.input.verification,
        points: analysis.options.verify,
    };
    let mut text = format!(
        "{}\n\n{}",
        fill(&headline(analysis), ""),
        summary::render(
            analysis.table(),
            &analysis.input.baselines,
            Some(&near),
            &verified
        )
    );
    for (title, lines) in sections(analysis) {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n"));
        }
        for line in lines {
            text.push_str(&fill(&format!("- {line}"), "  "));
            text.push('\n');
        }
    }
    text
}

/// Breaks a paragraph at the width, lines after the first behind `indent`.
fn fill(paragraph: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let last = lines.last_mut();
        let fits = |line: &String| line.chars().count() + 1 + word.chars().count() <= WIDTH;
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if fits(line) => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n")
}
