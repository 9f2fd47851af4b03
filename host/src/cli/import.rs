//! `import`: a published checkpoint into the host's format, with an account of every key.

use super::exit::{Exit, Failure};
use super::plugins::find;
use crate::backbone::{Backbone, BackboneConfig};
use crate::import::{ImportError, Imported, KeyReport};
use crate::tensorfile;
use clap::{Args, ValueEnum};
use serde_json::Value;
use ssl_plugin_api::description::CheckpointMap;
use ssl_plugin_api::foreign::Plugin;
use std::path::PathBuf;
use tch::Device;

/// Read an official checkpoint with a framework's key map; say what became of every key
#[derive(Args, Debug)]
pub struct Import {
    /// Framework whose checkpoint map is applied
    #[arg(long, value_name = "ID")]
    framework: String,
    /// The checkpoint: PyTorch (zip or legacy) or safetensors; nothing in it is executed
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// Where to write the renamed tensors, as safetensors; without it they are only checked
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Accept a checkpoint that lacks parts of the backbone; they keep their initial values
    #[arg(long)]
    allow_partial: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Another directory to look for plugins in (repeatable)
    #[arg(long, value_name = "DIR")]
    plugin_dir: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Import {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let map = self.map()?;
        // Official checkpoints are ResNet-50s of width 1 with the ImageNet stem.
        let mut backbone = Backbone::new(&BackboneConfig::default(), 0, Device::Cpu)
            .map_err(|error| refuse(ImportError::Backbone(error)))?;
        let imported = match Imported::read(&self.checkpoint, &map, &backbone, self.allow_partial) {
            Ok(imported) => imported,
            Err(ImportError::Partial { report }) => {
                self.print(&report);
                return Err(refuse(ImportError::Partial { report }));
            }
            Err(error) => return Err(refuse(error)),
        };
        imported.fill(&mut backbone).map_err(refuse)?;
        if let Some(out) = &self.out {
            let whole = backbone
                .tensors()
                .map(|named| (format!("backbone.{}", named.name), &named.tensor));
            let rest = imported
                .tensors
                .iter()
                .filter(|(name, _)| !name.starts_with("backbone."))
                .map(|(name, tensor)| (name.clone(), tensor));
            tensorfile::write(out, whole.chain(rest))
                .map_err(|error| refuse(ImportError::Safetensors(error)))
                .map(drop)?;
        }
        self.print(&imported.report);
        Ok(Exit::Done)
    }

    /// The framework's checkpoint map.
    fn map(&self) -> Result<CheckpointMap, Failure> {
        let registry = find(&self.plugin_dir);
        let known = |c: &&crate::plugins::Candidate| c.card.id == self.framework;
        let Some(candidate) = registry.candidates.iter().find(known) else {
            let ids: Vec<&str> = registry
                .candidates
                .iter()
                .map(|c| c.card.id.as_str())
                .collect();
            return Err(Failure::message(
                Exit::BadInput,
                format!("expected a known framework, found `{}`", self.framework),
                format!("known: {}", ids.join(", ")),
            ));
        };
        let faulty = |error: &dyn std::fmt::Display| {
            Failure::message(
                Exit::PluginFault,
                error.to_string(),
                format!("rebuild {}", candidate.library.display()),
            )
        };
        let plugin = Plugin::open(&candidate.library).map_err(|error| faulty(&error))?;
        let description = plugin
            .describe(&self.framework, &Value::Null)
            .map_err(|error| faulty(&error))?;
        Ok(description.checkpoint)
    }

    fn print(&self, report: &KeyReport) {
        match self.format {
            Format::Json => println!("{:#}", serde_json::json!(report)),
            Format::Text => print!("{}", text(report)),
        }
    }
}

fn text(report: &KeyReport) -> String {
    let mut lines: Vec<String> = Vec::new();
    let used = report.used.iter();
    lines.extend(used.map(|key| format!("used     {} -> {}", key.from, key.to)));
    lines.extend(report.unused.iter().map(|key| format!("unused   {key}")));
    lines.extend(report.missing.iter().map(|key| format!("missing  {key}")));
    lines.extend(report.wrong_shape.iter().map(|wrong| {
        format!(
            "shape    {}: expected {:?}, found {:?}",
            wrong.key, wrong.expected, wrong.found
        )
    }));
    format!("{}\n", lines.join("\n"))
}

fn refuse(error: ImportError) -> Failure {
    let help = match &error {
        ImportError::Partial { .. } => {
            "is this the right --framework? --allow-partial imports what there is"
        }
        ImportError::Pickle { .. } => {
            "load the file where it came from and save its state dict alone, as safetensors"
        }
        _ => "check that this is the whole, original file",
    };
    Failure::with_help(Exit::BadInput, error, help)
}
