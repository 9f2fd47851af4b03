//! `[data]`: the training set and the test sets.

use super::check::Checks;
use serde::{Deserialize, Serialize};
use serde_json::json;
use ssl_datasets::loader::OnBroken;
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
}

impl Default for Data {
    fn default() -> Self {
        let names = ["val", "real", "v2", "rendition", "sketch", "adversarial"];
        Self {
            root: None,
            train: shapes("train"),
            test: names.map(shapes).to_vec(),
            on_broken: OnBroken::default(),
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
        }
    }
}
