//! `data`: lists the kinds of data sets, and checks the sets of a benchmark.

use super::exit::{Exit, Failure};
use crate::config::Benchmark;
use crate::terminal::{out, outln};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use ssl_datasets::check::check;
use ssl_datasets::source::kinds;
use std::path::PathBuf;

/// Check the data sets of a benchmark, or list the kinds there are
#[derive(Args, Debug)]
pub struct Data {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Open every set of a benchmark, decode every image, report known mistakes
    Check {
        /// The benchmark file
        #[arg(value_name = "BENCH.toml")]
        bench: PathBuf,
        /// Override a key of the benchmark (repeatable)
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// Output format
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// List the kinds of data sets with their keys
    List {
        /// Output format
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Data {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        match self.action {
            Action::List { format } => {
                out!("{}", list(format));
                Ok(Exit::Done)
            }
            Action::Check { bench, set, format } => {
                let (bench, _) = Benchmark::load(&bench, &set)?;
                let data = &bench.data;
                let workers = bench.pretrain.workers.unwrap_or(0);
                let report = check(&data.train, &data.test, data.root.as_deref(), workers);
                match format {
                    Format::Text => out!("{report}"),
                    Format::Json => outln!("{:#}", json!(report)),
                }
                Ok(if report.passed() {
                    Exit::Done
                } else {
                    Exit::ChecksFailed
                })
            }
        }
    }
}

fn list(format: Format) -> String {
    match format {
        Format::Json => {
            let kinds: Value = kinds()
                .iter()
                .map(|k| json!({ "kind": k.kind, "doc": k.doc, "keys": k.keys }))
                .collect();
            format!("{kinds:#}\n")
        }
        Format::Text => kinds()
            .iter()
            .map(|k| {
                format!(
                    "{:<14} {}\n{:<14} keys: {}\n",
                    k.kind,
                    k.doc,
                    "",
                    k.keys.join(", ")
                )
            })
            .collect(),
    }
}
