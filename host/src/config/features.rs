//! `[[features]]`: features that another program computed, judged beside the pretrained rows.

use super::benchmark::Benchmark;
use super::check::Checks;
use super::checkpoint::{Covariates, check_name, found};
use super::evaluate::ProtocolName;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One folder of features and where they come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeaturesEntry {
    /// The folder with `SET.npy` or `SET.safetensors` and `SET.ids.txt` for every set; relative paths start at the
    /// data root where there is one and the folder is there, else at the working directory.
    pub folder: PathBuf,
    /// The row's name, of letters, digits, `-`, `_`, `+` and `.`. Default: the folder's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Epochs of pretraining, where known; recorded, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Views of an image, for instance `2x224+6x96`; recorded, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<String>,
    /// Global batch size; recorded, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// Where the model was published; recorded, never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl FeaturesEntry {
    /// What is known about the model's training.
    #[must_use]
    pub fn covariates(&self) -> Covariates {
        Covariates {
            epochs: self.epochs,
            views: self.views.clone(),
            batch: self.batch,
            source: self.source.clone(),
            published: None,
        }
    }

    /// The folder as the benchmark means it.
    #[must_use]
    pub fn resolve(&self, data_root: Option<&Path>) -> PathBuf {
        found(&self.folder, data_root)
    }

    /// The row's name.
    #[must_use]
    pub fn row(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let name = self.folder.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        })
    }
}

/// Every entry has a folder and a name that none of `taken` has, and the protocols can be carried out without a
/// network.
pub(super) fn check_features(bench: &Benchmark, mut taken: Vec<String>, checks: &mut Checks) {
    if bench.features.is_empty() {
        return;
    }
    for (n, entry) in bench.features.iter().enumerate() {
        let at = format!("features.{n}");
        checks.require(
            &format!("{at}.folder"),
            !entry.folder.as_os_str().is_empty(),
            "a folder",
            "none",
        );
        check_name(&at, &entry.row(), &taken, checks);
        taken.push(entry.row());
    }
    let wanted = &bench.evaluate.protocols;
    checks.require(
        "evaluate.protocols",
        !wanted.contains(&ProtocolName::Finetune),
        "none that trains a network, since `[[features]]` have none; leave out `finetune`",
        "`finetune`",
    );
    checks.require(
        "evaluate.protocols",
        wanted.contains(&ProtocolName::Knn) || wanted.contains(&ProtocolName::Linear),
        "`knn` or `linear`, which are what `[[features]]` can be judged by",
        "neither",
    );
    let passes = bench.evaluate.linear.augmented_passes;
    checks.require(
        "evaluate.linear.augmented_passes",
        passes == 0 || !wanted.contains(&ProtocolName::Linear),
        "0, since `[[features]]` are of images without augmentation",
        passes,
    );
}
