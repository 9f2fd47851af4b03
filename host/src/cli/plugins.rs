//! `plugins`: lists the frameworks found, and the files refused with the reason.

use super::exit::{Exit, Failure};
use crate::plugins::{Candidate, LIMIT, Registry, directories, probe};
use crate::terminal::{out, outln};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// List the frameworks found, and the files refused with the reason
#[derive(Args, Debug)]
pub struct Plugins {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A further directory with plugins (repeatable)
    #[arg(long, value_name = "DIR", value_parser = super::folder)]
    plugin_dir: Vec<PathBuf>,
    /// End with code 1 if a file was refused or no framework was found
    #[arg(long)]
    strict: bool,
    /// Seconds within which all libraries must have answered
    #[arg(long, value_name = "SECONDS", default_value_t = LIMIT.as_secs())]
    limit: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

impl Plugins {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let registry = look(&self.plugin_dir, Duration::from_secs(self.limit));
        match self.format {
            Format::Json => outln!("{:#}", json(&registry)),
            Format::Text => out!("{}", text(&registry)),
        }
        let is_sound = registry.refused.is_empty() && !registry.candidates.is_empty();
        Ok(if self.strict && !is_sound {
            Exit::ChecksFailed
        } else {
            Exit::Done
        })
    }
}

/// The frameworks in the directories searched; warns of what was refused.
pub(super) fn find(given: &[PathBuf]) -> Registry {
    let registry = look(given, LIMIT);
    for refused in &registry.refused {
        tracing::warn!("refused {}", refused.reason);
    }
    registry
}

/// The frameworks in the directories searched.
pub(super) fn look(given: &[PathBuf], limit: Duration) -> Registry {
    match std::env::current_exe() {
        Ok(program) => probe(&program, given, limit),
        Err(_) => Registry::discover(&directories(given)),
    }
}

/// Write down what a library contains; started by this program
#[derive(Args, Debug)]
pub struct ProbeLibrary {
    /// The library
    library: PathBuf,
    /// The file to write, as JSON
    answer: PathBuf,
}

impl ProbeLibrary {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let registry = Registry::open(self.library);
        super::give_answer(&self.answer, &registry)?;
        Ok(Exit::Done)
    }
}

fn json(registry: &Registry) -> Value {
    let one = |c: &Candidate| {
        let mut object = json!(c.metadata);
        object["path"] = json!(c.library);
        object
    };
    let frameworks: Vec<Value> = registry.candidates.iter().map(one).collect();
    json!({ "frameworks": frameworks, "refused": registry.refused, "empty": registry.empty })
}

fn text(registry: &Registry) -> String {
    let mut text = frameworks(registry);
    for refused in &registry.refused {
        text.push_str(&format!("refused {}\n", refused.reason));
    }
    for empty in &registry.empty {
        text.push_str(&format!("empty {}\n", empty.reason));
    }
    text
}

fn frameworks(registry: &Registry) -> String {
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
                c.metadata.id.clone(),
                c.metadata.version.clone(),
                format!("{} ({})", c.metadata.paper, c.metadata.year),
                c.metadata.name.clone(),
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
