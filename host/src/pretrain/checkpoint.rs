//! Enough to go on at an epoch's start as if nothing had happened.
//!
//! `checkpoint.json` names the tensor file it belongs to and is written last, so a crash at any
//! moment leaves a complete checkpoint: the new one or the old one.

use super::error::PretrainError;
use super::heads::{adopt, offer};
use super::job::PretrainJob;
use super::trainer::Trainer;
use crate::backbone::Backbone;
use crate::progress::Progress;
use crate::{checksum, tensorfile};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ssl_plugin_api::NamedTensor;
use std::path::{Path, PathBuf};
use tch::Tensor;

/// Name of the checkpoint in a pretraining's folder.
pub const CHECKPOINT_FILE: &str = "checkpoint.json";
const FORMAT: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    /// Epochs done.
    epochs: u64,
    /// Optimiser steps done.
    steps: u64,
    /// The tensor file beside this one.
    tensors: String,
    /// Its digest.
    tensors_blake3: String,
    /// SHA-256 of the plugin files that trained so far, in order.
    #[serde(default)]
    builds: Vec<String>,
    /// What must be the same for the run to go on.
    run: Value,
}

/// What names a run; a checkpoint of another one is refused.
fn identity(job: &PretrainJob<'_>) -> Value {
    json!({
        "framework": job.framework,
        "config": job.config,
        "description": job.description,
        "recipe": job.recipe,
        "views": job.views,
        "backbone": job.backbone,
        "precision": job.precision,
        "seed": job.seed,
        "samples": job.source.len(),
        "source": job.source.name(),
    })
}

/// Writes a checkpoint after `epochs` epochs and removes the one before.
pub(super) fn save(
    trainer: &mut Trainer<'_>,
    job: &PretrainJob<'_>,
    builds: &[String],
    epochs: u64,
    steps: u64,
) -> Result<(), PretrainError> {
    let state = trainer
        .instance
        .state()
        .map_err(PretrainError::plugin("state", steps))?;
    let state = adopt(state, "state", steps)?;
    let optimizer = trainer.optimizer.state();
    let of_backbone = |prefix: &'static str, backbone: &'_ Backbone| {
        backbone
            .tensors()
            .map(|n| (format!("{prefix}{}", n.name), n.tensor.shallow_clone()))
            .collect::<Vec<_>>()
    };
    let mut tensors = of_backbone("backbone.", &trainer.backbone);
    if let Some(target) = &trainer.target {
        tensors.extend(of_backbone("target.backbone.", target));
    }
    let heads = trainer.heads.iter();
    tensors.extend(heads.map(|(n, t)| (format!("param.{n}"), t.shallow_clone())));
    tensors.extend(state.into_iter().map(|(n, t)| (format!("state.{n}"), t)));
    tensors.extend(
        optimizer
            .into_iter()
            .map(|(n, t)| (format!("optimizer.{n}"), t)),
    );

    let file = format!("checkpoint-{epochs:05}.safetensors");
    let digest = tensorfile::write(
        &job.dir.join(&file),
        tensors.iter().map(|(n, t)| (n.clone(), t)),
    )?;
    let header = Header {
        format: FORMAT,
        epochs,
        steps,
        tensors: file.clone(),
        tensors_blake3: digest,
        builds: builds.to_vec(),
        run: identity(job),
    };
    let path = job.dir.join(CHECKPOINT_FILE);
    checksum::write_json(&path, &header).map_err(|source| PretrainError::Io {
        doing: "write",
        path,
        source,
    })?;
    remove_others(&job.dir, &file);
    Ok(())
}

/// Where a run starts.
pub(super) struct ResumePoint {
    /// Epochs done.
    pub(super) epochs: u64,
    /// SHA-256 of the plugin files that take part, in order.
    pub(super) builds: Vec<String>,
}

/// Takes over the checkpoint in the run's folder, if there is one.
pub(super) fn resume(
    trainer: &mut Trainer<'_>,
    job: &PretrainJob<'_>,
    progress: &mut dyn Progress,
) -> Result<ResumePoint, PretrainError> {
    let path = job.dir.join(CHECKPOINT_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(ResumePoint {
                epochs: 0,
                builds: job.plugin.map(str::to_owned).into_iter().collect(),
            });
        }
        Err(source) => {
            return Err(PretrainError::Io {
                doing: "read",
                path,
                source,
            });
        }
    };
    let refuse = |found: String| PretrainError::Checkpoint {
        path: path.clone(),
        found,
    };
    let (value, damage) = checksum::from_json(&bytes)
        .map_err(|error| refuse(format!("a file that cannot be read ({error})")))?;
    if let Some(damage) = damage {
        return Err(refuse(damage.to_string()));
    }
    if value["format"] != FORMAT {
        return Err(refuse(format!("format {}", value["format"])));
    }
    let header: Header = serde_json::from_value(value)
        .map_err(|error| refuse(format!("a file that cannot be read ({error})")))?;
    // Through text as theirs went, so that both sides' numbers were read by the same parser.
    let ours = serde_json::from_str(&identity(job).to_string()).unwrap_or(Value::Null);
    if let Some(key) = first_difference(&ours, &header.run) {
        return Err(refuse(format!("one of a run with another {key}")));
    }
    let builds = go_on(header.builds, job, &path, progress)?;
    let file = job.dir.join(&header.tensors);
    let tensors = tensorfile::read_exactly(&file, &header.tensors_blake3)
        .map_err(|error| refuse(with_causes(&error)))?;
    let part = |prefix: &'static str| {
        let named = tensors.iter();
        named.filter_map(move |(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)))
    };
    trainer.backbone.import(part("backbone."))?;
    if let Some(target) = &mut trainer.target {
        target.import(part("target.backbone."))?;
    }
    let (parameters, state) = (
        on_device(part("param."), trainer)?,
        on_device(part("state."), trainer)?,
    );
    trainer
        .instance
        .load(parameters, state)
        .map_err(PretrainError::plugin("load", header.steps))?;
    trainer.refresh(header.steps)?;
    let optimizer: Vec<(&str, Tensor)> = part("optimizer.")
        .map(|(name, t)| (name, t.to_device(trainer.device)))
        .collect();
    trainer
        .optimizer
        .load_state(optimizer.iter().map(|(n, t)| (*n, t)))?;
    Ok(ResumePoint {
        epochs: header.epochs,
        builds,
    })
}

/// The builds that take part when this one goes on; refuses another one than wrote the checkpoint
/// unless the user has allowed it.
fn go_on(
    mut builds: Vec<String>,
    job: &PretrainJob<'_>,
    path: &Path,
    progress: &mut dyn Progress,
) -> Result<Vec<String>, PretrainError> {
    let Some(found) = job.plugin else {
        return Ok(builds);
    };
    match builds.last() {
        Some(last) if last == found => return Ok(builds),
        Some(last) if !job.allow_other_build => {
            return Err(PretrainError::OtherBuild {
                path: path.to_owned(),
                expected: last.clone(),
                found: found.to_owned(),
            });
        }
        Some(last) => progress.warning(&format!(
            "the checkpoint {} was written with another build of the plugin (sha256 {last}); this one (sha256 {found}) goes on",
            path.display()
        )),
        None => {}
    }
    builds.push(found.to_owned());
    Ok(builds)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let lines: Vec<String> = causes.map(ToString::to_string).collect();
    lines.join(": ")
}

fn on_device<'t>(
    tensors: impl Iterator<Item = (&'t str, &'t Tensor)>,
    trainer: &Trainer<'_>,
) -> Result<Vec<NamedTensor>, PretrainError> {
    let moved: Vec<(&str, Tensor)> = tensors
        .map(|(name, t)| (name, t.to_device(trainer.device)))
        .collect();
    offer(moved.iter().map(|(n, t)| (*n, t)), 0)
}

fn first_difference(ours: &Value, theirs: &Value) -> Option<String> {
    let ours = ours.as_object()?;
    let differs = |(key, value): &(&String, &Value)| theirs.get(key.as_str()) != Some(*value);
    ours.iter().find(differs).map(|(key, _)| key.clone())
}

/// Older tensor files are of no use any more; a failure to remove one does no harm.
fn remove_others(dir: &Path, keep: &str) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("checkpoint-") && name != keep {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Writes the backbones without heads; gives back the files.
pub(super) fn export(trainer: &Trainer<'_>, dir: &Path) -> Result<Vec<PathBuf>, PretrainError> {
    let mut files = Vec::new();
    let of_target = trainer
        .target
        .as_ref()
        .map(|t| ("target_backbone.safetensors", t));
    for (name, backbone) in [("backbone.safetensors", &trainer.backbone)]
        .into_iter()
        .chain(of_target)
    {
        let path = dir.join(name);
        let tensors = backbone.tensors().map(|n| (n.name.clone(), &n.tensor));
        tensorfile::write(&path, tensors)?;
        files.push(path);
    }
    Ok(files)
}
