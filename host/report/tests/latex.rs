//! LaTeX tables fit a page of two columns.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use ssl_report::input::{Input, Study, read_table};
use ssl_report::{Analysis, Options, latex};

fn analysed(input: Input) -> Analysis {
    let options = Options {
        draws: 100,
        ..Options::default()
    };
    Analysis::new(input, options).unwrap()
}

/// Width of a line of a `tabular` in `\small`: nine points of Times, whose digits are 4.5 points wide and whose capitals
/// are 6.5 points on average.
fn width(line: &str) -> f64 {
    let plain = line
        .trim_end_matches("\\\\")
        .replace("\\textbf", "")
        .replace("$^\\dagger$", "+")
        .replace("{\\scriptsize ", "")
        .replace(['{', '}', '$'], "");
    let cells: Vec<&str> = plain.split('&').map(str::trim).collect();
    let letters: f64 = cells
        .iter()
        .flat_map(|cell| cell.chars())
        .map(|letter| match letter {
            'A'..='Z' => 6.5,
            '.' | ',' => 2.3,
            _ => 4.5,
        })
        .sum();
    // The intervals' type has seven points.
    let scale = if line.contains("\\scriptsize") {
        7.0 / 9.0
    } else {
        1.0
    };
    scale * letters + 6.0 * (cells.len() - 1) as f64
}

fn fits(text: &str) {
    for line in text.lines().filter(|line| line.ends_with("\\\\")) {
        assert!(width(line) <= 455.0, "{} points: {line}", width(line));
    }
}

#[test]
fn the_study_is_one_table_with_counts_and_label() {
    let study = analysed(Study::Ozbulak2024.load(false).unwrap());
    for intervals in [false, true] {
        let text = latex(&study, intervals);
        assert_eq!(text.matches("\\begin{table*}").count(), 1);
        assert!(text.contains("\\label{tab:self-supervised-benchmark-lottery-on-imagenet}"));
        assert!(
            text.contains(
                "$n$ & 50{,}000 & 50{,}000 & 10{,}000 & 30{,}000 & 50{,}889 & 7{,}500 &  &  &  \\\\"
            ),
            "{text}"
        );
        assert!(text.contains("A & w. avg. & g. mean & rank \\\\"), "{text}");
        assert_eq!(text.contains("{\\scriptsize 74.7--75.5}"), intervals);
        fits(&text);
    }
}

#[test]
fn wide_tables_continue_in_further_floats() {
    let mut text = "framework".to_owned();
    for set in 0..20 {
        let _ = write!(text, ",a long data set {set}");
    }
    text.push_str(&format!("\nn{}\n", ",12345".repeat(20)));
    for row in 0..30 {
        let _ = writeln!(
            text,
            "some framework {row}{}",
            format!(",{}.5", 20 + row).repeat(20)
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.csv");
    std::fs::write(&path, text).unwrap();
    for intervals in [false, true] {
        let found = latex(&analysed(read_table(&path).unwrap()), intervals);
        let floats = found.matches("\\begin{table*}").count();
        assert!((3..=8).contains(&floats), "{floats}");
        assert_eq!(found.matches("some framework 29").count(), floats);
        assert!(found.contains("\\label{tab:wide}") && found.contains("\\label{tab:wide-2}"));
        fits(&found);
    }
}
