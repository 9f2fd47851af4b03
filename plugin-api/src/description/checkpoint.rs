//! How official checkpoints name what the host calls backbone, heads and state.

use serde::{Deserialize, Serialize};

/// A regular expression on a checkpoint key and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Anchored regular expression on the key.
    pub from: String,
    /// Replacement with `$1`-style groups. Results start with `backbone.`, `target.backbone.`,
    /// `param.` or `state.`; an empty string drops the key knowingly.
    pub to: String,
}

/// The framework's checkpoint map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckpointMap {
    /// Keys under which the state dict may be nested, tried in order (for instance `state_dict`).
    pub roots: Vec<String>,
    /// Renames, first match wins.
    pub renames: Vec<Rename>,
}

impl CheckpointMap {
    /// Builds a map from `(from, to)` pairs.
    #[must_use]
    pub fn new(roots: &[&str], renames: &[(&str, &str)]) -> Self {
        Self {
            roots: roots.iter().map(|&r| r.to_owned()).collect(),
            renames: renames
                .iter()
                .map(|&(from, to)| Rename {
                    from: from.to_owned(),
                    to: to.to_owned(),
                })
                .collect(),
        }
    }

    /// A map for a state dict nested under `root`, which drops the counters of batch norms
    /// (`num_batches_tracked`). Add to it with the functions below; the first pattern that matches
    /// a whole key decides.
    #[must_use]
    pub fn nested(root: &str) -> Self {
        Self::new(&[root], &[]).drop(".*num_batches_tracked")
    }

    /// Keys that match `from` become `to`.
    #[must_use]
    pub fn rename(mut self, from: &str, to: &str) -> Self {
        self.renames.push(Rename {
            from: format!("^{from}$"),
            to: to.to_owned(),
        });
        self
    }

    /// Keys that match are left out knowingly.
    #[must_use]
    pub fn drop(self, from: &str) -> Self {
        self.rename(from, "")
    }

    /// torchvision's names of a ResNet behind `prefix` are the trained backbone's; its classifier is
    /// not meant.
    #[must_use]
    pub fn backbone(self, prefix: &str) -> Self {
        self.rename(
            &format!(r"{prefix}((?:conv1|bn1|layer[1-4])\..+)"),
            "backbone.$1",
        )
    }

    /// torchvision's names of a ResNet behind `prefix` are the momentum encoder's.
    #[must_use]
    pub fn target_backbone(self, prefix: &str) -> Self {
        let from = format!(r"{prefix}((?:conv1|bn1|layer[1-4])\..+)");
        self.rename(&from, "target.backbone.$1")
    }

    /// The numbered layers behind `prefix` are those of the head `name`: weights and biases are
    /// parameters, running statistics are state.
    #[must_use]
    pub fn head(self, prefix: &str, name: &str) -> Self {
        let parameter = format!(r"{prefix}(\d+)\.(weight|bias)");
        let statistic = format!(r"{prefix}(\d+)\.(running_.+)");
        self.rename(&parameter, &format!("param.{name}.$1.$2"))
            .rename(&statistic, &format!("state.{name}.$1.$2"))
    }

    /// The numbered layers behind `prefix` are those of the momentum head `name`: all are state.
    #[must_use]
    pub fn target_head(self, prefix: &str, name: &str) -> Self {
        let from = format!(r"{prefix}(\d+)\.(.+)");
        self.rename(&from, &format!("state.target.{name}.$1.$2"))
    }
}
