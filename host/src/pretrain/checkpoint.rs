//! Enough to go on at any step as if nothing had happened.
//!
//! The last two checkpoints are kept, the newest as [`CHECKPOINT_FILE`] and the one before as
//! [`PREVIOUS_FILE`]. Each names its tensor file; the files take turns under two names. The tensors
//! are written first and the JSON last, so a crash at any moment leaves a complete checkpoint.

use super::error::PretrainError;
use super::job::PretrainJob;
use super::own_state::state_of_all;
use super::pass_log::PassLog;
use super::position::{Position, Work};
use super::trainer::Trainer;
use crate::backbone::Backbone;
use crate::progress::Progress;
use crate::{checksum, tensorfile};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tch::Tensor;

/// Name of the newest checkpoint in a pretraining's folder.
pub const CHECKPOINT_FILE: &str = "checkpoint.json";
/// Name of the checkpoint before it.
pub(super) const PREVIOUS_FILE: &str = "checkpoint-previous.json";
/// The names that tensor files take turns under.
const TENSOR_FILES: [&str; 2] = ["checkpoint-a.safetensors", "checkpoint-b.safetensors"];
/// Features of the passes that are begun at the newest checkpoint's place.
const PASSES_FILE: &str = "checkpoint-passes.log";
/// The format that is written.
const FORMAT: u32 = 3;
/// The formats that are read: the first one knew only the ends of epochs.
pub(super) const READ: std::ops::RangeInclusive<u64> = 2..=FORMAT as u64;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    /// Epochs done.
    pub(super) epochs: u64,
    /// Steps done of the epoch that has begun.
    #[serde(default)]
    pub(super) batch: u64,
    /// Optimiser steps done.
    pub(super) steps: u64,
    /// Whether the last epoch's online kNN evaluation is still to be done.
    #[serde(default)]
    pub(super) monitor_due: bool,
    /// Whether a feature has had a gradient.
    #[serde(default)]
    pub(super) learning: bool,
    #[serde(default)]
    pub(super) work: Work,
    /// The tensor file beside this one.
    pub(super) tensors: String,
    /// Its digest.
    pub(super) tensors_blake3: String,
    /// SHA-256 of the plugin files that trained so far, in order.
    #[serde(default)]
    pub(super) builds: Vec<String>,
    /// Number of ranks that wrote it.
    #[serde(default = "one_rank")]
    pub(super) ranks: usize,
    /// What must be the same for the run to go on.
    pub(super) run: Value,
}

const fn one_rank() -> usize {
    1
}

/// What names a run; a checkpoint of another one is refused.
pub(super) fn identity(job: &PretrainJob<'_>) -> Value {
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

/// The checkpoints of a run.
pub(super) struct Checkpoints {
    dir: PathBuf,
    run: Value,
    every: Duration,
    /// SHA-256 of the plugin files that take part, in order.
    pub(super) builds: Vec<String>,
    /// The one that this run wrote last, or went on from.
    last: Option<Header>,
    written: Instant,
}

impl Checkpoints {
    /// Those of a run that goes on from `last`.
    pub(super) fn new(job: &PretrainJob<'_>, builds: Vec<String>, last: Option<Header>) -> Self {
        Self {
            dir: job.dir.clone(),
            run: identity(job),
            every: job.checkpoint_every,
            builds,
            last,
            written: Instant::now(),
        }
    }

    /// Whether the last one is so old that another is wanted.
    pub(super) fn are_due(&self) -> bool {
        self.written.elapsed() >= self.every
    }

    /// Writes one, unless the last one is of the same place. All ranks have to call it; the first one writes.
    pub(super) fn save(
        &mut self,
        trainer: &mut Trainer<'_>,
        position: &Position,
    ) -> Result<&Header, PretrainError> {
        let place = (position.epoch, position.batch, position.monitor_due);
        let known = self.last.take();
        let header = match known {
            Some(last) if (last.epochs, last.batch, last.monitor_due) == place => last,
            before => self.write(trainer, position, before)?,
        };
        self.written = Instant::now();
        Ok(self.last.insert(header))
    }

    /// The features of passes that are begun here, after a checkpoint of this place.
    pub(super) fn pass_log(
        &mut self,
        trainer: &mut Trainer<'_>,
        position: &Position,
        progress: &mut dyn Progress,
    ) -> Result<PassLog, PretrainError> {
        let path = self.dir.join(PASSES_FILE);
        let header = self.save(trainer, position)?;
        Ok(PassLog::open(path, &header.tensors_blake3, progress))
    }

    fn write(
        &self,
        trainer: &mut Trainer<'_>,
        position: &Position,
        before: Option<Header>,
    ) -> Result<Header, PretrainError> {
        let steps = position.step(trainer.length.steps_per_epoch);
        let tensors = tensors(trainer, position, steps)?;
        let [first, second] = TENSOR_FILES;
        let file = match &before {
            Some(before) if before.tensors == first => second,
            _ => first,
        };
        let writes = trainer.peers.is_first();
        let digest = match writes {
            true => tensorfile::write(
                &self.dir.join(file),
                tensors.iter().map(|(n, t)| (n.clone(), t)),
            )?,
            false => String::new(),
        };
        let header = Header {
            format: FORMAT,
            epochs: position.epoch,
            batch: position.batch,
            steps,
            monitor_due: position.monitor_due,
            learning: trainer.learning.has_begun(),
            work: position.work,
            tensors: file.to_owned(),
            tensors_blake3: digest,
            builds: self.builds.clone(),
            ranks: trainer.peers.world_size(),
            run: self.run.clone(),
        };
        if !writes {
            return Ok(header);
        }
        if let Some(before) = &before {
            self.write_json(PREVIOUS_FILE, before)?;
        }
        self.write_json(CHECKPOINT_FILE, &header)?;
        let kept = [
            Some(file),
            before.as_ref().map(|before| before.tensors.as_str()),
            before.as_ref().map(|_| PREVIOUS_FILE),
        ];
        remove_others(&self.dir, &kept);
        Ok(header)
    }

    fn write_json(&self, name: &str, header: &Header) -> Result<(), PretrainError> {
        let path = self.dir.join(name);
        checksum::write_json(&path, header).map_err(|source| PretrainError::Io {
            doing: "write",
            path,
            source,
        })
    }
}

/// Everything of a run that is a tensor.
fn tensors(
    trainer: &mut Trainer<'_>,
    position: &Position,
    steps: u64,
) -> Result<Vec<(String, Tensor)>, PretrainError> {
    trainer.peers.same_statistics(&trainer.backbone)?;
    if let Some(target) = &trainer.target {
        trainer.peers.same_statistics(target)?;
    }
    let state = state_of_all(trainer.instance.as_mut(), &trainer.peers, steps)?;
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
    tensors.extend(state);
    let optimizer = trainer.optimizer.state().into_iter();
    tensors.extend(optimizer.map(|(n, t)| (format!("optimizer.{n}"), t)));
    tensors.push(("epoch.loss".to_owned(), position.loss.to_tensor()));
    if let Some(order) = &position.order {
        let order: Vec<i64> = order.iter().map(|&sample| sample as i64).collect();
        tensors.push(("epoch.order".to_owned(), Tensor::from_slice(&order)));
    }
    Ok(tensors)
}

/// Older files are of no use any more; a failure to remove one does no harm.
fn remove_others(dir: &Path, kept: &[Option<&str>]) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("checkpoint-") && !kept.contains(&Some(&name)) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
