//! `[[checkpoint]]`: published or otherwise finished backbones that are judged beside the pretrained
//! ones.

use super::check::Checks;
use crate::backbone::BackboneConfig;
use crate::evaluate::{SET_ID, is_set_id};
use crate::import::{Selection, WhichEncoder};
use serde::{Deserialize, Serialize};
use ssl_datasets::source::DATA_ENV;
use std::path::{Path, PathBuf};

/// One finished backbone and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointEntry {
    /// The framework's id, whose key map, normalisation and recipes apply; or any other label, for
    /// which the usual names are tried.
    pub framework: String,
    /// The file; relative paths start at the data root where there is one and the file is there,
    /// else at the working directory.
    pub file: PathBuf,
    /// The row's name, of letters, digits, `-`, `_`, `+` and `.`. Default: framework and file name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The network. Default: a ResNet-50 of width 1 with the ImageNet stem, whatever `[backbone]`
    /// says.
    pub backbone: BackboneConfig,
    /// Which of a file's networks is judged. Default: the one that the framework's key map calls the
    /// backbone, else the trained one, else the only one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<WhichEncoder>,
    /// The keys that lead to the state dict, joined by dots; empty for the top. Default: found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// What stands before the backbone's names. Default: found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The framework's own keys, where the key map depends on them.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Whether parts of the backbone may be missing. Default false.
    pub allow_partial: bool,
    /// Epochs of pretraining, where known; recorded, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Views of an image, for instance `2x224+6x96`; recorded, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<String>,
    /// Global batch size; recorded, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// Where it was published; recorded, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The backbone that it is, as the framework's plugin calls it beside its published numbers, for instance `1000ep`:
    /// the row is compared with them. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
}

/// What is known about a checkpoint's training; recorded and reported, without influence on its scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Covariates {
    /// Epochs of pretraining.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Views of an image, for instance `2x224+6x96`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<String>,
    /// Global batch size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// Where it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Which of the framework's published backbones it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
}

impl CheckpointEntry {
    /// What is known about its training.
    #[must_use]
    pub fn covariates(&self) -> Covariates {
        Covariates {
            epochs: self.epochs,
            views: self.views.clone(),
            batch: self.batch,
            source: self.source.clone(),
            published: self.published.clone(),
        }
    }

    /// Which of the file's networks is meant.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            encoder: self.encoder,
            root: self.root.clone(),
            prefix: self.prefix.clone(),
        }
    }

    /// The file as the benchmark means it.
    #[must_use]
    pub fn resolve(&self, data_root: Option<&Path>) -> PathBuf {
        found(&self.file, data_root)
    }

    /// The row's name.
    #[must_use]
    pub fn row(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let file = self.file.file_name().unwrap_or_default().to_string_lossy();
            let stem = file.split('.').next().unwrap_or_default();
            format!("{}-{stem}", self.framework)
        })
    }

    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        let at = |key: &str| format!("{path}.{key}");
        checks.require(
            &at("framework"),
            !self.framework.is_empty(),
            "a framework's id or a label",
            "none",
        );
        checks.require(
            &at("file"),
            !self.file.as_os_str().is_empty(),
            "a file",
            "none",
        );
        checks.backbone(&at("backbone"), &self.backbone);
    }
}

/// Every row has a name of its own.
pub(super) fn check_rows(entries: &[CheckpointEntry], taken: &[String], checks: &mut Checks) {
    let rows: Vec<String> = entries.iter().map(CheckpointEntry::row).collect();
    for (n, entry) in entries.iter().enumerate() {
        entry.check(&format!("checkpoint.{n}"), checks);
        let mut taken = taken.to_vec();
        taken.extend_from_slice(&rows[..n]);
        check_name(&format!("checkpoint.{n}"), &rows[n], &taken, checks);
    }
}

/// The name of the row at `path` can be a folder's, and no other row has it.
pub(super) fn check_name(path: &str, row: &str, taken: &[String], checks: &mut Checks) {
    let at = format!("{path}.name");
    checks.require(&at, is_set_id(row), SET_ID, format_args!("`{row}`"));
    checks.require(
        &at,
        !taken.iter().any(|other| other == row),
        "a name that no other row has",
        format_args!("`{row}` again"),
    );
}

/// A path that starts at the data root where there is one, unless it is at the working directory alone. A path that is
/// nowhere is one below the data root, which is where a message sends the reader.
pub(super) fn found(path: &Path, data_root: Option<&Path>) -> PathBuf {
    let environment = std::env::var_os(DATA_ENV).map(PathBuf::from);
    data_root
        .map(Path::to_owned)
        .or(environment)
        .map(|root| root.join(path))
        .filter(|below_root| below_root.exists() || !path.exists())
        .unwrap_or_else(|| path.to_owned())
}
