//! What a pretraining leaves: backbones without heads.

use super::error::PretrainError;
use super::trainer::Trainer;
use crate::tensorfile;
use std::path::{Path, PathBuf};

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
