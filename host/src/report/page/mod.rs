//! Markdown pages with reports in them, which stay what the records say.
//!
//! A report stands between two comments. The first names its kind and has the arguments of `ssl-lottery report` that it is
//! made from; what stands between them is replaced, the rest of the page is left as it is:
//!
//! ```text
//! <!-- report results/cifar10 --protocol knn -->
//! <!-- end of report -->
//! ```
//!
//! `side-by-side` in place of `report` makes a table with a column for each ledger instead.

mod marks;
mod side_by_side;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use ssl_report::markdown;

use super::{Request, SourceError};
use crate::atomic;
use marks::{Mark, Piece};

/// Bring the reports in a Markdown page up to date
#[derive(Debug, clap::Args)]
pub struct PageArgs {
    /// The page; its reports stand between `<!-- report ARGUMENTS -->` and `<!-- end of report -->`
    #[arg(value_name = "PAGE.md")]
    page: PathBuf,
    /// Write nothing; say which reports are out of date
    #[arg(long)]
    check: bool,
}

/// Why a page cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The page cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The page.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A mark that is wrong.
    #[error("{}, line {line}: expected {expected}, found {found}", path.display())]
    Mark {
        /// The page.
        path: PathBuf,
        /// Where in it.
        line: usize,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A report that cannot be made.
    #[error("{}, line {line}: {source}", path.display())]
    Report {
        /// The page.
        path: PathBuf,
        /// Where its mark is.
        line: usize,
        /// Why.
        source: Box<SourceError>,
    },
}

/// The words of a mark.
#[derive(Debug, Parser)]
#[command(
    no_binary_name = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
struct Words {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    Report(Request),
    SideBySide(Request),
}

impl PageArgs {
    /// Makes each report of the page anew, and writes the page unless it is only checked. Gives back the lines of the marks
    /// whose reports were out of date.
    ///
    /// # Errors
    /// [`PageError`] for a page that cannot be read or written, a wrong mark, or a report that cannot be made.
    pub fn execute(&self) -> Result<Vec<usize>, PageError> {
        let failed = |action, source| PageError::File {
            action,
            path: self.page.clone(),
            source,
        };
        let old = std::fs::read_to_string(&self.page).map_err(|source| failed("read", source))?;
        let (mut new, mut stale) = (String::new(), Vec::new());
        for piece in marks::pieces(&self.page, &old)? {
            match piece {
                Piece::Prose(text) => new.push_str(text),
                Piece::Made { mark, text } => {
                    let made = self.make(mark)?;
                    if made != text {
                        stale.push(mark.line);
                    }
                    new.push_str(&made);
                }
            }
        }
        if !self.check && !stale.is_empty() {
            atomic::write(&self.page, new.as_bytes()).map_err(|source| failed("write", source))?;
        }
        Ok(stale)
    }

    /// The page.
    #[must_use]
    pub fn page(&self) -> &Path {
        &self.page
    }

    /// Whether nothing is written.
    #[must_use]
    pub fn only_checks(&self) -> bool {
        self.check
    }

    fn make(&self, mark: Mark<'_>) -> Result<String, PageError> {
        let words = Words::try_parse_from(mark.words.split_whitespace());
        let words = words.map_err(|error| PageError::Mark {
            path: self.page.clone(),
            line: mark.line,
            expected: "`report` or `side-by-side` with arguments of `ssl-lottery report`",
            found: first_line(&error.to_string()),
        })?;
        let made = match words.kind {
            Kind::Report(request) => request.analysis().map(|it| deeper(&markdown(&it))),
            Kind::SideBySide(request) => side_by_side::table(&request),
        };
        let text = made.map_err(|source| PageError::Report {
            path: self.page.clone(),
            line: mark.line,
            source: Box::new(source),
        })?;
        Ok(format!("\n{text}\n"))
    }
}

/// What clap says, without its usage.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// The same with its headings a level deeper, below a heading of the page.
fn deeper(markdown: &str) -> String {
    let line = |line: &str| match line.starts_with('#') {
        true => format!("#{line}\n"),
        false => format!("{line}\n"),
    };
    markdown.lines().map(line).collect()
}
