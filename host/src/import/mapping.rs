//! Renaming keys as a plugin's checkpoint map says.

use regex::Regex;
use ssl_plugin_api::description::CheckpointMap;

use super::names::unwrapped;
use super::{ImportError, Result};

/// Prefix that a map gives to the backbone's tensors.
pub(super) const BACKBONE: &str = "backbone.";

/// What becomes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It gets this name.
    Renamed(String),
    /// The map drops it knowingly.
    Dropped,
    /// No rule matches it.
    Unknown,
}

/// A checkpoint map with its expressions compiled.
#[derive(Debug)]
pub struct Mapping {
    rules: Vec<(Regex, String)>,
}

impl Mapping {
    /// Compiles the renames; each must match a whole key.
    ///
    /// # Errors
    /// [`ImportError::Rename`] with the pattern.
    pub fn compile(map: &CheckpointMap) -> Result<Self> {
        let rules = map
            .renames
            .iter()
            .map(|rename| {
                let whole = format!("^(?:{})$", rename.from);
                Regex::new(&whole)
                    .map(|regex| (regex, rename.to.clone()))
                    .map_err(|source| ImportError::Rename {
                        pattern: rename.from.clone(),
                        source: Box::new(source),
                    })
            })
            .collect::<Result<_>>()?;
        Ok(Self { rules })
    }

    /// What becomes of a key: the first rule that matches decides. A key that no rule knows is
    /// tried without the wrappers at its beginning, then behind `module.`, which data-parallel
    /// training adds.
    #[must_use]
    pub fn fate(&self, key: &str) -> Fate {
        let bare = unwrapped(key);
        [key, bare, &format!("module.{bare}")]
            .into_iter()
            .map(|key| self.first_match(key))
            .find(|fate| *fate != Fate::Unknown)
            .unwrap_or(Fate::Unknown)
    }

    fn first_match(&self, key: &str) -> Fate {
        let rule = self.rules.iter().find(|(regex, _)| regex.is_match(key));
        match rule {
            None => Fate::Unknown,
            Some((_, to)) if to.is_empty() => Fate::Dropped,
            Some((regex, to)) => Fate::Renamed(regex.replace(key, to.as_str()).into_owned()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn renamed(name: &str) -> Fate {
        Fate::Renamed(name.to_owned())
    }

    #[test]
    fn the_first_rule_that_matches_the_whole_key_decides() {
        let map = CheckpointMap::new(
            &[],
            &[
                (r"module\.encoder_q\.fc\.(.*)", "param.projector.$1"),
                (r"module\.encoder_q\.(.*)", "backbone.$1"),
                (r"module\.queue_ptr", ""),
                (r"module\.queue", "state.queue"),
            ],
        );
        let mapping = Mapping::compile(&map).unwrap();
        for (key, fate) in [
            (
                "module.encoder_q.fc.0.weight",
                renamed("param.projector.0.weight"),
            ),
            (
                "module.encoder_q.conv1.weight",
                renamed("backbone.conv1.weight"),
            ),
            ("encoder_q.conv1.weight", renamed("backbone.conv1.weight")),
            ("module.queue", renamed("state.queue")),
            ("_orig_mod.module.queue", renamed("state.queue")),
            ("module.queue_ptr", Fate::Dropped),
            ("module.queue_other", Fate::Unknown),
            ("the module.queue", Fate::Unknown),
        ] {
            assert_eq!(mapping.fate(key), fate, "{key}");
        }
    }

    #[test]
    fn a_broken_expression_is_named() {
        let map = CheckpointMap::new(&[], &[("module.(", "x")]);
        assert!(matches!(
            Mapping::compile(&map),
            Err(ImportError::Rename { pattern, .. }) if pattern == "module.("
        ));
    }
}
