//! `data`: lists the kinds of data sets, checks the sets of a benchmark, and lists their samples.

use super::exit::{Exit, Failure};
use crate::atomic;
use crate::config::Benchmark;
use crate::evaluate::given;
use crate::terminal::{out, outln};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use ssl_datasets::check::check;
use ssl_datasets::source::{kinds, open_sets};
use std::path::{Path, PathBuf};

/// Check the data sets of a benchmark, list their sample ids, or list the kinds there are
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
    /// Write the sample ids of every set, one a line, for features from another program
    Ids {
        /// The benchmark file
        #[arg(value_name = "BENCH.toml")]
        bench: PathBuf,
        /// Folder for the lists, SET.ids.txt
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Override a key of the benchmark (repeatable)
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
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
            Action::Ids { bench, out, set } => {
                let (bench, _) = Benchmark::load(&bench, &set)?;
                write_ids(&bench, &out)?;
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

/// Writes the list of every set into a folder, and says which.
fn write_ids(bench: &Benchmark, folder: &Path) -> Result<(), Failure> {
    let data = &bench.data;
    let sets = open_sets(&data.train, &data.test, data.root.as_deref()).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| fault.error.to_string()).collect();
        let help = "`ssl-lottery data check` says more";
        Failure::message(Exit::BadInput, lines.join("; "), help)
    })?;
    let unwritable = |error| {
        let help = "check that the folder may be written and the disk has room";
        Failure::with_help(Exit::BadInput, error, help)
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    for set in std::iter::once(&sets.train).chain(&sets.test) {
        let text = given::list(set.as_ref()).map_err(|id| {
            let message = format!(
                "{}: expected file names without line breaks, found {id:?}",
                set.name()
            );
            Failure::message(Exit::BadInput, message, "rename the file")
        })?;
        let path = folder.join(format!("{}{}", set.name(), given::LIST_ENDING));
        atomic::write(&path, text.as_bytes()).map_err(unwritable)?;
        outln!("{}: {} samples", path.display(), set.len());
    }
    Ok(())
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
