//! `import`: a published checkpoint into the host's format, with an account of every key.

use super::exit::{Exit, Failure};
use super::plugins::find;
use crate::backbone::{Backbone, BackboneConfig};
use crate::import::{ImportError, Imported, KeyReport, Selection};
use crate::tensorfile;
use crate::terminal::{out, outln};
use clap::{Args, ValueEnum};
use serde_json::Value;
use ssl_plugin_api::description::CheckpointMap;
use ssl_plugin_api::foreign::Plugin;
use std::path::PathBuf;
use tch::Device;

/// Read an official checkpoint with a framework's key map, and report the fate of every key
#[derive(Args, Debug)]
pub struct Import {
    /// Framework whose checkpoint map is applied, or a label
    #[arg(long, value_name = "ID")]
    framework: String,
    /// The checkpoint: PyTorch (zip or legacy) or safetensors; nothing in it is executed
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    #[command(flatten)]
    selection: Selection,
    /// The network, as `[[checkpoint]]` takes it, for instance `{ depth = "resnet18" }` [default: a
    /// ResNet-50 of width 1 with the ImageNet stem]
    #[arg(long, value_name = "TOML", value_parser = network)]
    backbone: Option<BackboneConfig>,
    /// File for the renamed tensors, as safetensors; without it they are only checked
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Accept a checkpoint that lacks parts of the backbone; they keep their initial values
    #[arg(long)]
    allow_partial: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A further directory with plugins (repeatable)
    #[arg(long, value_name = "DIR", value_parser = super::folder)]
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
        let config = self.backbone.clone().unwrap_or_default();
        let mut backbone = Backbone::new(&config, 0, Device::Cpu)
            .map_err(|error| refuse(ImportError::Backbone(error)))?;
        let read = Imported::read(
            &self.checkpoint,
            &map,
            &self.selection,
            &backbone,
            self.allow_partial,
        );
        let imported = match read {
            Ok(imported) => imported,
            Err(error) => {
                if let ImportError::Partial { report, .. } = &error {
                    self.print(report);
                }
                return Err(refuse(error));
            }
        };
        for warning in &imported.report.warnings {
            tracing::warn!("{}: {warning}", self.checkpoint.display());
        }
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

    /// The framework's checkpoint map; an empty one for a label.
    fn map(&self) -> Result<CheckpointMap, Failure> {
        let registry = find(&self.plugin_dir);
        let known = |c: &&crate::plugins::Candidate| c.metadata.id == self.framework;
        let Some(candidate) = registry.candidates.iter().find(known) else {
            let ids = registry.candidates.iter().map(|c| c.metadata.id.as_str());
            tracing::warn!(
                "no plugin has `{}`, so the network is found by its names alone; known: {}",
                self.framework,
                ids.collect::<Vec<_>>().join(", ")
            );
            return Ok(CheckpointMap::default());
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
            Format::Json => outln!("{:#}", serde_json::json!(report)),
            Format::Text => out!("{}", text(report)),
        }
    }
}

/// The network of `--backbone`.
fn network(text: &str) -> Result<BackboneConfig, String> {
    #[derive(serde::Deserialize)]
    struct Given {
        backbone: BackboneConfig,
    }
    let given: Given = toml::from_str(&format!("backbone = {text}"))
        .map_err(|error| error.message().to_owned())?;
    match given.backbone.validate() {
        Ok(()) => Ok(given.backbone),
        Err(error) => Err(error.to_string()),
    }
}

fn text(report: &KeyReport) -> String {
    let mut lines = vec![format!(
        "network  root `{}`, prefix `{}`, {}",
        report.root,
        report.prefix,
        report.encoder.name()
    )];
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
    let objects = report.objects.iter();
    lines.extend(objects.map(|name| format!("object   {name}, skipped")));
    format!("{}\n", lines.join("\n"))
}

fn refuse(error: ImportError) -> Failure {
    let help = match &error {
        ImportError::Partial { .. } => {
            "check that --backbone is the checkpoint's network; --allow-partial imports the tensors that are there"
        }
        ImportError::Pickle { .. } => {
            "load the file where it came from and save its state dict alone, as safetensors"
        }
        ImportError::NoNetwork { .. } => {
            "give the state dict of a ResNet; a whole pickled model cannot be read"
        }
        ImportError::Choice { .. } => "give --encoder, --root or --prefix",
        ImportError::NotFinite { .. } | ImportError::NegativeVariance { .. } => {
            "the training diverged or the file is damaged; take another checkpoint"
        }
        _ => "check that this is the whole, original file",
    };
    Failure::with_help(Exit::BadInput, error, help)
}
