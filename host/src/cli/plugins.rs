//! `plugins`: what was found, and what was refused and why.

use super::exit::{Exit, Failure};
use crate::plugins::{Candidate, Registry, directories, probe};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::PathBuf;

/// List the frameworks found; say which files were refused and why
#[derive(Args, Debug)]
pub struct Plugins {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Another directory to look in (repeatable)
    #[arg(long, value_name = "DIR")]
    plugin_dir: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Plugins {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let registry = find(&self.plugin_dir);
        match self.format {
            Format::Json => println!("{:#}", json(&registry)),
            Format::Text => print!("{}", text(&registry)),
        }
        Ok(Exit::Done)
    }
}

/// The frameworks in the directories searched; says what was refused.
pub(super) fn find(given: &[PathBuf]) -> Registry {
    let registry = match std::env::current_exe() {
        Ok(program) => probe(&program, given),
        Err(_) => Registry::discover(&directories(given)),
    };
    for refused in &registry.refused {
        tracing::warn!("refused {}", refused.reason);
    }
    registry
}

/// Print what libraries contain, as JSON; started by this program
#[derive(Args, Debug)]
pub struct Probe {
    /// One library instead of the directories
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Another directory to look in (repeatable)
    #[arg(long, value_name = "DIR")]
    plugin_dir: Vec<PathBuf>,
}

impl Probe {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let registry = match self.library {
            Some(path) => Registry::open(path),
            None => Registry::discover(&directories(&self.plugin_dir)),
        };
        println!("{}", json!(registry));
        Ok(Exit::Done)
    }
}

fn json(registry: &Registry) -> Value {
    let one = |c: &Candidate| {
        let mut object = json!(c.card);
        object["path"] = json!(c.library);
        object
    };
    registry.candidates.iter().map(one).collect()
}

fn text(registry: &Registry) -> String {
    if registry.candidates.is_empty() {
        return "no framework was found; build the plugins with `cargo build --release`, or name \
                their directory with --plugin-dir or SSL_LOTTERY_PLUGINS\n"
            .to_owned();
    }
    let rows: Vec<[String; 5]> = registry
        .candidates
        .iter()
        .map(|c| {
            [
                c.card.id.clone(),
                c.card.version.clone(),
                format!("{} ({})", c.card.paper, c.card.year),
                c.card.name.clone(),
                c.library.display().to_string(),
            ]
        })
        .collect();
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_header(["id", "version", "paper", "name", "path"]);
    table.add_rows(rows);
    format!("{}\n", table.trim_fmt())
}
