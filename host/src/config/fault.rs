//! Faults of a configuration and how they are shown.

use miette::{Diagnostic, NamedSource, SourceSpan};
use std::ops::Range;
use std::path::PathBuf;

/// One fault: what was expected, what was found, where.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct BenchmarkFault {
    /// One line, with the key's path.
    pub message: String,
    #[help]
    help: Option<String>,
    #[source_code]
    source_code: Option<NamedSource<String>>,
    #[label("here")]
    span: Option<SourceSpan>,
}

impl BenchmarkFault {
    pub(super) fn new(
        message: String,
        help: Option<String>,
        place: Option<(NamedSource<String>, Range<usize>)>,
    ) -> Self {
        let (source_code, span) = place
            .map(|(source, span)| (source, SourceSpan::from(span)))
            .unzip();
        Self {
            message,
            help,
            source_code,
            span,
        }
    }

    pub(super) fn plain(message: String, help: &str) -> Self {
        Self::new(message, Some(help.to_owned()), None)
    }
}

/// Why a benchmark file was refused.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("failed to read {path}", path = path.display())]
    #[diagnostic(help("give the path of a benchmark file, for instance bench/demo.toml"))]
    Read {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file says something it may not.
    #[error("{name}: {} {}", faults.len(), if faults.len() == 1 { "fault" } else { "faults" })]
    Faults {
        /// The file's name.
        name: String,
        /// All of them.
        #[related]
        faults: Vec<BenchmarkFault>,
    },
}
