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
}
