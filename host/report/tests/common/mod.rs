//! Tables to report on.
#![allow(dead_code, reason = "each test program uses a part")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use ssl_report::input::{Input, Study, read_table};
use ssl_report::{Analysis, Options};

/// The report of an input, with few draws.
pub fn analysed(input: Input) -> Analysis {
    let options = Options {
        draws: 200,
        ..Options::default()
    };
    Analysis::new(input, options).unwrap()
}

/// A table as a file would give it.
pub fn read(folder: &Path, text: &str) -> Input {
    let path = folder.join("table.csv");
    std::fs::write(&path, text).unwrap();
    read_table(&path).unwrap()
}

/// The built-in study.
pub fn study() -> Analysis {
    analysed(Study::Ozbulak2024.load(false).unwrap())
}

/// A table of so many frameworks and data sets, with `val` first, long names and near ties.
pub fn generated(frameworks: usize, sets: usize) -> Analysis {
    let mut state = 1_u64;
    let mut random = || {
        // Knuth's multiplier; the high bits are good enough here.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    let skill: Vec<f64> = (0..frameworks).map(|_| 12.0 * random()).collect();
    let bases: Vec<f64> = (0..sets).map(|_| 20.0 + 55.0 * random()).collect();
    let mut text = "framework,val".to_owned();
    for set in 1..sets {
        write!(text, ",variant {set} of the images").unwrap();
    }
    text.push_str("\nn,50000");
    for set in 1..sets {
        write!(text, ",{}", 1000 + 977 * set).unwrap();
    }
    for (row, skill) in skill.iter().enumerate() {
        write!(text, "\nmasked variant {row}").unwrap();
        for base in &bases {
            write!(text, ",{:.2}", base + skill + 8.0 * random()).unwrap();
        }
    }
    text.push('\n');
    let folder = tempfile::tempdir().unwrap();
    analysed(read(folder.path(), &text))
}

/// Texts of all elements that begin with `<tag>`, attributes included.
pub fn elements<'a>(page: &'a str, tag: &str) -> Vec<&'a str> {
    let open = format!("<{tag}>");
    let pieces = page.split(open.as_str()).skip(1);
    pieces
        .map(|piece| piece.split_once("</").unwrap().0)
        .map(str::trim)
        .collect()
}
