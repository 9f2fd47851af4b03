//! Where a page's reports stand.

use std::path::Path;

use super::PageError;

const OPEN: &str = "<!-- ";
const CLOSE: &str = " -->";
const END: &str = "end of report";
const KINDS: [&str; 2] = ["report", "side-by-side"];

/// The comment before a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark<'a> {
    /// Its line, counted from 1.
    pub(super) line: usize,
    /// The kind and the arguments.
    pub(super) words: &'a str,
}

/// A part of a page; the pieces together are the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Typed, with the marks.
    Prose(&'a str),
    /// Between two marks.
    Made {
        /// The first of them.
        mark: Mark<'a>,
        /// What stands there.
        text: &'a str,
    },
}

/// Splits a page at its marks.
pub(super) fn pieces<'a>(path: &Path, page: &'a str) -> Result<Vec<Piece<'a>>, PageError> {
    let wrong = |line, expected, found: &str| PageError::Mark {
        path: path.to_owned(),
        line,
        expected,
        found: found.to_owned(),
    };
    let (mut pieces, mut open, mut begin, mut at) = (Vec::new(), None, 0, 0);
    for (number, line) in page.split_inclusive('\n').enumerate() {
        let words = line.trim().strip_prefix(OPEN);
        let words = words
            .and_then(|rest| rest.strip_suffix(CLOSE))
            .map(str::trim);
        let starts = |words: &str| KINDS.contains(&words.split_whitespace().next().unwrap_or(""));
        match (words, open) {
            (Some(END), Some(mark)) => {
                pieces.push(Piece::Made {
                    mark,
                    text: &page[begin..at],
                });
                (open, begin) = (None, at);
            }
            (Some(END), None) => {
                let expected = "a mark `<!-- report ARGUMENTS -->` before the end of a report";
                return Err(wrong(number + 1, expected, "none"));
            }
            (Some(words), Some(_)) if starts(words) => {
                return Err(wrong(number + 1, "`<!-- end of report -->`", words));
            }
            (Some(words), None) if starts(words) => {
                let end = at + line.len();
                pieces.push(Piece::Prose(&page[begin..end]));
                let line = number + 1;
                (open, begin) = (Some(Mark { line, words }), end);
            }
            _ => {}
        }
        at += line.len();
    }
    if let Some(mark) = open {
        let expected = "`<!-- end of report -->` after this mark";
        return Err(wrong(mark.line, expected, "none"));
    }
    if pieces.is_empty() {
        let expected = "a mark `<!-- report ARGUMENTS -->`";
        return Err(wrong(1, expected, "none in the page"));
    }
    pieces.push(Piece::Prose(&page[begin..]));
    Ok(pieces)
}
