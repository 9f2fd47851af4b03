//! `ssl-lottery report`: arguments and execution.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::atomic;

use super::SourceError;
use super::request::Request;
use ssl_report::{
    Analysis, PdfWriter, ReportError, csv, figures, html, json, latex, markdown, terminal,
};

/// Aggregate accuracies, and test the differences.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    request: Request,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
    /// File to write instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Directory for the charts, each as SVG and as PDF with embedded fonts.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// With --format latex: intervals in a line below each row.
    #[arg(long)]
    intervals: bool,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table of at most 100 columns and the findings.
    Terminal,
    /// The table with the findings, ready to paste.
    Md,
    /// The table as plain numbers with intervals and marks.
    Csv,
    /// The table for a paper.
    Latex,
    /// Every statistic, for programs.
    Json,
    /// One file with figures, for a browser.
    Html,
}

impl ReportArgs {
    /// Reads, computes, writes.
    ///
    /// # Errors
    /// [`SourceError`] for input that cannot be read or compared and output that cannot be written.
    pub fn execute(self) -> Result<(), SourceError> {
        let analysis = self.request.analysis()?;
        if let Some(folder) = &self.figures {
            write_figures(folder, &analysis)?;
        }
        let text = render(&analysis, self.format, self.intervals)?;
        Ok(write(self.out.as_deref(), &text)?)
    }
}

/// The report in one format; `intervals` matters to LaTeX alone, where they are on request.
///
/// # Errors
/// [`ReportError::Json`] never in practice.
pub fn render(analysis: &Analysis, format: Format, intervals: bool) -> Result<String, ReportError> {
    match format {
        Format::Terminal => Ok(terminal(analysis)),
        Format::Md => Ok(markdown(analysis)),
        Format::Csv => csv(analysis),
        Format::Latex => Ok(latex(analysis, intervals)),
        Format::Html => html(analysis),
        Format::Json => json(analysis).map_err(ReportError::Json),
    }
}

fn write_figures(folder: &Path, analysis: &Analysis) -> Result<(), ReportError> {
    let failed = |path: &Path, source| ReportError::Write {
        path: path.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    let writer = PdfWriter::default();
    for (name, picture) in figures(analysis) {
        let write = |extension: &str, bytes: &[u8]| {
            let path = folder.join(format!("{name}.{extension}"));
            atomic::write(&path, bytes).map_err(|source| failed(&path, source))
        };
        write("svg", picture.as_bytes())?;
        let pdf = writer.write(&picture).map_err(|source| ReportError::Pdf {
            path: folder.join(format!("{name}.pdf")),
            source,
        })?;
        write("pdf", &pdf)?;
    }
    Ok(())
}

fn write(out: Option<&Path>, text: &str) -> Result<(), ReportError> {
    let (path, written) = match out {
        Some(path) => (path.to_owned(), write_file(path, text.as_bytes())),
        None => (
            PathBuf::from("standard output"),
            std::io::stdout().write_all(text.as_bytes()),
        ),
    };
    // A reader that has seen enough, such as `head`, is no fault.
    let written = match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    };
    written.map_err(|source| ReportError::Write { path, source })
}

/// Replaces a file, or the one that a link leads to, as a whole; a pipe or device is written to as it is.
fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_file() => atomic::write(&path.canonicalize()?, bytes),
        Ok(_) => std::fs::write(path, bytes),
        Err(_) => atomic::write(path, bytes),
    }
}
