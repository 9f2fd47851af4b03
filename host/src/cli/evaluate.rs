//! `evaluate`: one finished backbone, or its features, through a benchmark's data and protocols.

use super::bench_args::BenchArgs;
use super::exit::{Exit, Failure};
use super::launched;
use super::logging::Verbosity;
use super::run::{self, carry_out};
use crate::backbone::BackboneConfig;
use crate::config::{Benchmark, CheckpointEntry, FeaturesEntry, Frameworks};
use crate::import::Selection;
use crate::ledger::CellDir;
use crate::run::{CellConfig, Subject};
use clap::Args;
use std::path::{Path, PathBuf};

/// Evaluate a checkpoint, the backbone of a pretrained cell, or given features, as a row of a benchmark
#[derive(Args, Debug)]
pub struct Evaluate {
    #[command(flatten)]
    of: BenchArgs,
    /// The checkpoint: PyTorch (zip or legacy), safetensors, or what `import --out` wrote
    #[arg(long, value_name = "FILE", requires = "framework")]
    checkpoint: Option<PathBuf>,
    /// Framework whose key map, normalisation and recipes apply, or a label
    #[arg(long, value_name = "ID")]
    framework: Option<String>,
    /// A pretrained cell: its directory in some results' `cells`
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "checkpoint",
        required_unless_present_any = ["checkpoint", "features"]
    )]
    cell: Option<PathBuf>,
    /// Features from any program: a folder with SET.npy or SET.safetensors and SET.ids.txt for the training set and
    /// every test set
    #[arg(long, value_name = "DIR", conflicts_with_all = ["checkpoint", "cell", "framework", "bench_backbone", "allow_partial"])]
    features: Option<PathBuf>,
    /// The row's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    selection: Selection,
    /// The checkpoint has the network of `[backbone]`, not a ResNet-50
    #[arg(long)]
    bench_backbone: bool,
    /// Accept a checkpoint that lacks parts of the backbone
    #[arg(long)]
    allow_partial: bool,
    /// Compute in this process, for a debugger
    #[arg(long)]
    in_process: bool,
}

impl Evaluate {
    pub(super) fn execute(&self, verbosity: Verbosity) -> Result<Exit, Failure> {
        launched::alone()?;
        let (bench, document) = self.of.load()?;
        let bench = Benchmark {
            frameworks: Frameworks::Listed(Vec::new()),
            baselines: Vec::new(),
            checkpoint: Vec::from_iter(self.checkpoint(&bench)?),
            features: Vec::from_iter(self.features()),
            ..bench
        };
        bench.validate()?;
        carry_out(
            &bench,
            &document,
            &run::Place {
                out: self.of.out(),
                plugin_dir: &self.of.plugin_dir,
                in_process: self.in_process,
                allow_other_build: false,
                fresh: false,
                redo: &[],
                shard: None,
                wait: false,
                owned: false,
                lead: None,
            },
            verbosity,
        )
    }

    /// The row of given features.
    fn features(&self) -> Option<FeaturesEntry> {
        self.features.as_ref().map(|folder| FeaturesEntry {
            folder: folder.clone(),
            name: self.name.clone(),
            ..FeaturesEntry::default()
        })
    }

    /// The row of a backbone.
    fn checkpoint(&self, bench: &Benchmark) -> Result<Option<CheckpointEntry>, Failure> {
        let mut entry = match (&self.cell, &self.features) {
            (_, Some(_)) => return Ok(None),
            (Some(cell), None) => of_cell(cell)?,
            (None, None) => self.of_file(bench),
        };
        entry.name = self.name.clone().or(entry.name);
        entry.allow_partial |= self.allow_partial;
        Ok(Some(entry))
    }

    fn of_file(&self, bench: &Benchmark) -> CheckpointEntry {
        CheckpointEntry {
            framework: self.framework.clone().unwrap_or_default(),
            file: self.checkpoint.clone().unwrap_or_default(),
            backbone: if self.bench_backbone {
                bench.backbone.clone()
            } else {
                BackboneConfig::default()
            },
            encoder: self.selection.encoder,
            root: self.selection.root.clone(),
            prefix: self.selection.prefix.clone(),
            ..CheckpointEntry::default()
        }
    }
}

/// The backbone that a pretrained cell has left.
fn of_cell(path: &Path) -> Result<CheckpointEntry, Failure> {
    let refuse = |found: String| {
        Failure::message(
            Exit::BadInput,
            format!(
                "expected a pretrained cell, found {found} ({})",
                path.display()
            ),
            "give a directory below `cells` in the results of `ssl-lottery run`",
        )
    };
    let record = CellDir::at(path.to_owned())
        .read()?
        .ok_or_else(|| refuse("no record".to_owned()))?;
    let config: CellConfig = serde_json::from_value(record.config.clone())
        .map_err(|error| refuse(format!("a record that cannot be read: {error}")))?;
    let Subject::Framework {
        id, config: keys, ..
    } = config.subject
    else {
        return Err(refuse(format!("the row `{}`", record.row())));
    };
    let file = path.join("pretrain").join("backbone.safetensors");
    if !file.exists() {
        return Err(refuse("one whose pretraining has not ended".to_owned()));
    }
    let recipe = &record.results.pretrain["recipe"];
    Ok(CheckpointEntry {
        name: Some(format!("{id}-cell")),
        framework: id,
        file: std::path::absolute(&file).unwrap_or(file),
        backbone: config.backbone,
        config: keys,
        epochs: recipe["epochs"].as_u64(),
        batch: recipe["batch_size"].as_u64(),
        source: path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned()),
        ..CheckpointEntry::default()
    })
}
