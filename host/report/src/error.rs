//! What a report refuses, with the file and the place in it.

use std::path::PathBuf;

use ssl_aggregate::AggregateError;

use crate::PdfError;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A chart that cannot be written in PDF.
    #[error("{source} ({})", path.display())]
    Pdf {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: PdfError,
    },
    /// A file that is not CSV.
    #[error("expected CSV in UTF-8, found otherwise ({}): {source}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: csv::Error,
    },
    /// A table without the shape asked for.
    #[error("expected {expected}, found {found} ({}, {at})", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
        /// Row and column.
        at: String,
    },
    /// A cell that is no accuracy.
    #[error("{source} ({}, {at})", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Row and column.
        at: String,
        /// What is wrong with it.
        source: Box<AggregateError>,
    },
    /// A table that may not be compared.
    #[error("{source} ({origin})")]
    Table {
        /// Where the table is from.
        origin: String,
        /// What is wrong with it.
        source: Box<AggregateError>,
    },
    /// A statistic that JSON cannot hold.
    #[error("cannot write the report as JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// A table that CSV cannot hold.
    #[error("cannot write the report as CSV: {0}")]
    CsvOut(#[source] csv::Error),
    /// A page that its template refuses.
    #[error("cannot write the report as HTML: {0}")]
    Page(#[source] minijinja::Error),
    /// Counts of scored images, for a study that scores all.
    #[error(
        "expected a study with images that are not scored (`ozbulak2024`), found `{study}`; leave out --strict"
    )]
    Strict {
        /// The study.
        study: &'static str,
    },
    /// An option that does not fit the table.
    #[error(transparent)]
    Option(Box<AggregateError>),
}

impl From<AggregateError> for ReportError {
    fn from(error: AggregateError) -> Self {
        Self::Option(Box::new(error))
    }
}
