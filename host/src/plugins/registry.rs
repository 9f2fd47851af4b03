//! The frameworks of all plugins found.

use super::search::{Directory, libraries};
use super::sound::check_id;
use serde::{Deserialize, Serialize};
use ssl_plugin_api::description::Metadata;
use ssl_plugin_api::foreign::Plugin;
use std::path::PathBuf;

/// A framework that may take part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who it is.
    pub metadata: Metadata,
    /// The plugin's file.
    pub library: PathBuf,
}

/// A file that is no plugin for this host, or part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The file.
    pub path: PathBuf,
    /// One line: what was expected, what was found.
    pub reason: String,
}

/// The frameworks found, by id, and the files refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Registry {
    /// Sorted by id; no id twice.
    pub candidates: Vec<Candidate>,
    /// In the order they were met.
    pub refused: Vec<Refused>,
    /// Libraries that find their frameworks elsewhere and found none, with the reason. These are no refusals.
    #[serde(default)]
    pub empty: Vec<Refused>,
}

/// Why a library has no framework, in its own words where it has some; nothing where it has one.
#[must_use]
pub fn why_none(plugin: &Plugin) -> Option<String> {
    if !plugin.frameworks().is_empty() {
        return None;
    }
    let hello = plugin.hello();
    let said = hello.refused.first().or(hello.empty.as_ref());
    Some(said.cloned().unwrap_or_else(|| EMPTY_LIST.to_owned()))
}

/// What is said of a library that lists nothing and gives no reason.
const EMPTY_LIST: &str =
    "expected a framework in the list of `hello`, found an empty list; list one";

impl Registry {
    /// Opens every library of the directories, in this process; a directory that is not there holds
    /// none.
    ///
    /// Of two frameworks with one id the first stays, the other is refused by name.
    #[must_use]
    pub fn discover(directories: &[Directory]) -> Self {
        let mut registry = Self::default();
        for directory in directories {
            match libraries(directory) {
                Ok(paths) => {
                    for path in paths {
                        registry.merge(Self::open(path));
                    }
                }
                Err(error) => registry.refuse_directory(directory, &error),
            }
        }
        registry.sort();
        registry
    }

    /// Opens one library, in this process.
    #[must_use]
    pub fn open(path: PathBuf) -> Self {
        let mut registry = Self::default();
        match Plugin::open(&path) {
            Ok(plugin) => {
                let line = |reason: &String| Refused {
                    path: path.clone(),
                    reason: format!("{}: {reason}", path.display()),
                };
                registry
                    .refused
                    .extend(plugin.hello().refused.iter().map(line));
                registry.empty.extend(plugin.hello().empty.iter().map(line));
                let is_mute = registry.refused.is_empty() && registry.empty.is_empty();
                if let Some(reason) = why_none(&plugin).filter(|_| is_mute) {
                    registry.refused.push(line(&reason));
                }
                for metadata in plugin.frameworks() {
                    match check_id(&metadata.id) {
                        Ok(()) => registry.candidates.push(Candidate {
                            metadata: metadata.clone(),
                            library: path.clone(),
                        }),
                        Err(found) => registry.refused.push(Refused {
                            reason: format!("{}: {found}", path.display()),
                            path: path.clone(),
                        }),
                    }
                }
            }
            Err(refusal) => registry.refused.push(Refused {
                path,
                reason: refusal.to_string(),
            }),
        }
        registry
    }

    /// Takes in what another library holds.
    pub(super) fn merge(&mut self, other: Self) {
        self.refused.extend(other.refused);
        self.empty.extend(other.empty);
        for candidate in other.candidates {
            let id = &candidate.metadata.id;
            match self.candidates.iter().find(|known| known.metadata.id == *id) {
                None => self.candidates.push(candidate),
                Some(first) => self.refused.push(Refused {
                    reason: format!(
                        "{}: expected a framework id of its own, found `{id}`, which {} has already",
                        candidate.library.display(),
                        first.library.display()
                    ),
                    path: candidate.library,
                }),
            }
        }
    }

    pub(super) fn refuse_directory(&mut self, directory: &Directory, error: &std::io::Error) {
        self.refused.push(Refused {
            path: directory.path.clone(),
            reason: format!(
                "{}: expected a directory of plugins ({}), found: {error}",
                directory.path.display(),
                directory.origin
            ),
        });
    }

    pub(super) fn sort(&mut self) {
        self.candidates
            .sort_by(|a, b| a.metadata.id.cmp(&b.metadata.id));
    }
}
