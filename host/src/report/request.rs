//! What a report is of: the sources, and what is asked of them.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::{Selection, SourceError, read_ledgers};
use ssl_report::input::{Input, Study, read_table};
use ssl_report::{Analysis, Options, ReportError};

/// Sources and statistics of a report, apart from how it is written.
#[derive(Debug, Clone, Args)]
pub struct Request {
    #[command(flatten)]
    source: Source,
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

#[derive(Debug, Clone, Default, Args)]
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

impl Request {
    /// Reads and computes.
    ///
    /// # Errors
    /// [`SourceError`] for input that cannot be read or compared.
    pub fn analysis(&self) -> Result<Analysis, SourceError> {
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
        Ok(Analysis::new(input, options).map_err(ReportError::from)?)
    }

    /// The same asked of each of its ledgers alone.
    pub(super) fn of_each_ledger(&self) -> impl Iterator<Item = Self> {
        self.source.ledger.iter().map(|ledger| Self {
            source: Source {
                ledger: vec![ledger.clone()],
                ..Source::default()
            },
            ..self.clone()
        })
    }

    /// The table without statistics.
    pub(super) fn read(&self) -> Result<Input, SourceError> {
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
