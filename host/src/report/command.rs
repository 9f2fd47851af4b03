//! `ssl-lottery report`: arguments and execution.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueEnum};

use crate::atomic;

use super::{Selection, SourceError, read_ledgers};
use ssl_report::input::{Input, Study, read_table};
use ssl_report::{
    Analysis, Options, ReportError, csv, figures, html, json, latex, markdown, terminal,
};

/// Aggregate accuracies, and test the differences.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    source: Source,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
    /// File to write instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Directory for the charts, each as an SVG file of its own.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// Data set that the others are compared with [default: val]
    #[arg(long, value_name = "DATA SET")]
    reference: Option<String>,
    /// A further pool to aggregate over, such as `v2,sketch`; may be repeated.
    #[arg(long = "pool", value_name = "DATA SET,…")]
    pools: Vec<String>,
    /// Level of the tests; intervals cover the rest.
    #[arg(long, default_value_t = 0.05, value_parser = level)]
    alpha: f64,
    /// Bootstrap draws.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    draws: u32,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Points within which two frameworks count as practically equivalent.
    #[arg(long, value_name = "POINTS", default_value_t = 1.0, value_parser = points)]
    rope: f64,
    /// Points from the published accuracy within which a row counts as verified.
    #[arg(long, value_name = "POINTS", default_value_t = 1.0, value_parser = points)]
    verify: f64,
    /// Leave out the rows that are not verified, and name them.
    #[arg(long)]
    require_verified: bool,
    /// With --format latex: intervals in a line below each row.
    #[arg(long)]
    intervals: bool,
    /// With --study: count ReaL by the images it scores, not by all it has.
    #[arg(long, requires = "study")]
    strict: bool,
    /// With a ledger: which protocol [default: the linear one]
    #[arg(long, value_name = "ID", requires = "ledger")]
    protocol: Option<String>,
    /// With a ledger: score sets that declare a class list over it, not over all classes.
    #[arg(long, requires = "ledger")]
    subset: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Source {
    /// Output directories of runs; several are reported on together.
    #[arg(value_name = "LEDGER")]
    ledger: Vec<PathBuf>,
    /// Table of accuracies: CSV, first column `framework`, data sets in percent, first row `n`; may be repeated, and its
    /// rows stand below those of the ledgers.
    #[arg(long, value_name = "FILE.csv")]
    table: Vec<PathBuf>,
    /// A published study that is built in.
    #[arg(long, value_name = "NAME", value_parser = studies(), conflicts_with_all = ["ledger", "table"])]
    study: Option<Study>,
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
        let input = self.read()?;
        let pools = self
            .pools
            .iter()
            .map(|pool| pool.split(',').map(|name| name.trim().to_owned()).collect());
        let options = Options {
            reference: self.reference.clone(),
            pools: pools.collect(),
            alpha: self.alpha,
            draws: self.draws as usize,
            seed: self.seed,
            rope: self.rope,
            verify: self.verify,
        };
        let analysis = Analysis::new(input, options).map_err(ReportError::from)?;
        if let Some(folder) = &self.figures {
            write_figures(folder, &analysis)?;
        }
        let text = render(&analysis, self.format, self.intervals)?;
        Ok(write(self.out.as_deref(), &text)?)
    }

    fn read(&self) -> Result<Input, SourceError> {
        if let Some(study) = self.source.study {
            let input = study.load(self.strict)?;
            return Ok(match self.require_verified {
                true => input.only_verified(self.verify)?,
                false => input,
            });
        }
        let selection = Selection {
            protocol: self.protocol.clone(),
            subset: self.subset,
            plan: None,
            required: self.require_verified.then_some(self.verify),
        };
        let roots: Vec<&Path> = self.source.ledger.iter().map(PathBuf::as_path).collect();
        let ledgers = match roots[..] {
            [] => None,
            _ => Some(read_ledgers(&roots, &selection)?),
        };
        let tables = self.source.table.iter().map(|path| read_table(path));
        let tables = tables.collect::<Result<Vec<_>, _>>()?;
        let mut inputs = ledgers.into_iter().chain(tables);
        // The arguments demand one source at least.
        let first = inputs
            .next()
            .map_or_else(|| Study::Ozbulak2024.load(false), Ok)?;
        Ok(inputs.try_fold(first, Input::join)?)
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
    for (name, picture) in figures(analysis) {
        let path = folder.join(format!("{name}.svg"));
        atomic::write(&path, picture.as_bytes()).map_err(|source| failed(&path, source))?;
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

fn studies() -> impl clap::builder::TypedValueParser<Value = Study> {
    PossibleValuesParser::new(Study::ALL.map(Study::name))
        .try_map(|name| Study::named(&name).ok_or("unknown"))
}

fn level(text: &str) -> Result<f64, String> {
    let level: f64 = text
        .parse()
        .map_err(|_| format!("expected a number, found `{text}`"))?;
    if level > 0.0 && level < 1.0 {
        Ok(level)
    } else {
        Err(format!("expected a level between 0 and 1, found {text}"))
    }
}

fn points(text: &str) -> Result<f64, String> {
    let points: f64 = text
        .parse()
        .map_err(|_| format!("expected a number, found `{text}`"))?;
    if (0.0..=100.0).contains(&points) {
        Ok(points)
    } else {
        Err(format!("expected points between 0 and 100, found {text}"))
    }
}
