//! `[data]`: the training set and the test sets.

use super::check::Checks;
use crate::evaluate::{SET_ID, is_set_id};
use serde::{Deserialize, Serialize};
use serde_json::json;
use ssl_datasets::source::SourceConfig;
use std::path::PathBuf;

/// The training set and the test sets. Default: `shapes` with its six test sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// Where relative paths start; default the environment variable `SSL_LOTTERY_DATA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// The images to pretrain on; with their labels also what the evaluations learn from.
    pub train: SourceConfig,
    /// The test sets, in the order of the table's columns.
    pub test: Vec<SourceConfig>,
    /// What is done about images that cannot be read. Default `fail`.
    pub on_broken: OnBroken,
    /// What is done about a test set all of whose images are training images. Default `refuse`.
    pub on_train_images: OnTrainImages,
}

/// What is done about images that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBroken {
    /// The run ends with their names.
    #[default]
    Fail,
    /// They are left out of every row, in training and in tests, and named in the records. Every image is
    /// decoded once before the first cell.
    Skip,
}

/// What is done about a test set all of whose images are training images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnTrainImages {
    /// The run ends with its name.
    #[default]
    Refuse,
    /// Records and reports say so, as they do where some images are.
    Warn,
}

impl Default for Data {
    fn default() -> Self {
        let names = ["val", "real", "v2", "rendition", "sketch", "adversarial"];
        Self {
            root: None,
            train: shapes("train"),
            test: names.map(shapes).to_vec(),
            on_broken: OnBroken::default(),
            on_train_images: OnTrainImages::default(),
        }
    }
}

fn shapes(split: &str) -> SourceConfig {
    SourceConfig {
        name: split.to_owned(),
        kind: "shapes".to_owned(),
        root: None,
        keep: None,
        labels: None,
        class_map: None,
        limit: None,
        expect: None,
        options: [("split".to_owned(), json!(split))].into_iter().collect(),
    }
}

impl Data {
    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        let test = format!("{path}.test");
        checks.require(
            &test,
            !self.test.is_empty(),
            "at least one test set",
            "none",
        );
        for (n, set) in self.test.iter().enumerate() {
            checks.require(
                &format!("{test}.{n}"),
                self.test[..n]
                    .iter()
                    .all(|earlier| earlier.name != set.name),
                "test sets with different names",
                format_args!("`{}` again", set.name),
            );
            checks.require(
                &format!("{test}.{n}.name"),
                is_set_id(&set.name),
                SET_ID,
                format_args!("{:?}", set.name),
            );
        }
    }
}
