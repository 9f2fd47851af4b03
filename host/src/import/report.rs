//! The outcome of an import: tensors under the host's names and an account of every key.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use serde::Serialize;
use ssl_plugin_api::description::CheckpointMap;
use tch::{Kind, Tensor};

use super::mapping::{Fate, Mapping};
use super::{Checkpoint, Entry, ImportError, Result};
use crate::backbone::Backbone;

/// Prefix of the backbone's tensors.
const BACKBONE: &str = "backbone.";

/// A key that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyUse {
    /// The key in the checkpoint.
    pub from: String,
    /// The name in the host.
    pub to: String,
}

/// A tensor of another shape than the backbone's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyShape {
    /// The key in the checkpoint.
    pub key: String,
    /// Shape in the backbone.
    pub expected: Vec<i64>,
    /// Shape in the checkpoint.
    pub found: Vec<i64>,
}

/// What became of every key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyReport {
    /// Keys that were used.
    pub used: Vec<KeyUse>,
    /// Keys that nothing wants: no rule knows them, the map drops them, or the backbone has no such
    /// tensor.
    pub unused: Vec<String>,
    /// Tensors of the backbone that no key gives.
    pub missing: Vec<String>,
    /// Keys whose tensors have another shape than the backbone's.
    pub wrong_shape: Vec<KeyShape>,
}

impl KeyReport {
    /// Whether every tensor of the backbone was found in the right shape.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.missing.is_empty() && self.wrong_shape.is_empty()
    }
}

impl fmt::Display for KeyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} keys used, {} unused, {} missing, {} of another shape",
            self.used.len(),
            self.unused.len(),
            self.missing.len(),
            self.wrong_shape.len()
        )?;
        if let Some(name) = self.missing.first() {
            write!(f, "; first missing: {name}")?;
        }
        if let Some(wrong) = self.wrong_shape.first() {
            write!(
                f,
                "; first of another shape: {} (expected {:?}, found {:?})",
                wrong.key, wrong.expected, wrong.found
            )?;
        }
        // Every batch norm has a counter that nothing uses; the interesting keys are the others.
        let mut unused = self.unused.iter();
        if let Some(name) = unused.find(|name| !name.ends_with("num_batches_tracked")) {
            write!(f, "; first unused: {name}")?;
        }
        Ok(())
    }
}

/// Tensors of a checkpoint under the host's names.
#[derive(Debug)]
pub struct Imported {
    /// What became of every key.
    pub report: KeyReport,
    /// `backbone.…`, `target.backbone.…`, `param.…`, `state.…` with their tensors.
    pub tensors: Vec<(String, Tensor)>,
}

impl Imported {
    /// Reads a checkpoint as `map` says and checks it against `backbone`.
    ///
    /// Keys that no rule knows but that are the backbone's own names are taken as such, so that
    /// files with the backbone alone need no rule.
    ///
    /// # Errors
    /// [`ImportError::Partial`] when a tensor of the backbone is missing or of another shape, unless
    /// `allow_partial`; [`ImportError::NotFinite`] for NaN or infinite weights;
    /// [`ImportError::Collision`]; what [`Checkpoint`] refuses.
    pub fn read(
        path: &Path,
        map: &CheckpointMap,
        backbone: &Backbone,
        allow_partial: bool,
    ) -> Result<Self> {
        let mapping = Mapping::compile(map)?;
        let checkpoint = Checkpoint::open(path)?;
        let entries = checkpoint.entries(&map.roots)?;
        let wanted: HashMap<String, Vec<i64>> = backbone
            .tensors()
            .map(|named| (format!("{BACKBONE}{}", named.name), named.tensor.size()))
            .collect();

        let mut report = KeyReport::default();
        let mut chosen: Vec<(String, &Entry)> = Vec::new();
        let mut owners: HashMap<String, &str> = HashMap::new();
        let mut misshapen: HashSet<String> = HashSet::new();
        for entry in &entries {
            let own = format!("{BACKBONE}{}", entry.key);
            let name = match mapping.fate(&entry.key) {
                Fate::Renamed(name) => name,
                Fate::Unknown if wanted.contains_key(&own) => own,
                // A file that this program wrote.
                Fate::Unknown if wanted.contains_key(&entry.key) => entry.key.clone(),
                Fate::Unknown | Fate::Dropped => {
                    report.unused.push(entry.key.clone());
                    continue;
                }
            };
            if name.starts_with(BACKBONE) {
                let Some(expected) = wanted.get(&name) else {
                    report.unused.push(entry.key.clone());
                    continue;
                };
                if *expected != entry.shape {
                    misshapen.insert(name);
                    report.wrong_shape.push(KeyShape {
                        key: entry.key.clone(),
                        expected: expected.clone(),
                        found: entry.shape.clone(),
                    });
                    continue;
                }
            }
            if let Some(first) = owners.insert(name.clone(), &entry.key) {
                return Err(ImportError::Collision {
                    first: first.to_owned(),
                    second: entry.key.clone(),
                    name,
                });
            }
            report.used.push(KeyUse {
                from: entry.key.clone(),
                to: name.clone(),
            });
            chosen.push((name, entry));
        }
        report.missing = backbone
            .tensors()
            .map(|named| format!("{BACKBONE}{}", named.name))
            .filter(|name| !owners.contains_key(name) && !misshapen.contains(name))
            .collect();
        if !report.is_full() && !allow_partial {
            return Err(ImportError::Partial {
                report: Box::new(report),
            });
        }
        let tensors = chosen
            .into_iter()
            .map(|(name, entry)| {
                let tensor = checkpoint.tensor(entry)?;
                check_finite(&entry.key, &tensor)?;
                Ok((name, tensor))
            })
            .collect::<Result<_>>()?;
        Ok(Self { report, tensors })
    }

    /// Puts the backbone's tensors into `backbone`; those that are missing keep their values.
    ///
    /// # Errors
    /// [`ImportError::Backbone`] when libtorch refuses to copy.
    pub fn fill(&self, backbone: &mut Backbone) -> Result<()> {
        let mut tensors: HashMap<String, Tensor> = backbone
            .tensors()
            .map(|named| (named.name.clone(), named.tensor.shallow_clone()))
            .collect();
        for (name, tensor) in &self.tensors {
            if let Some(name) = name.strip_prefix(BACKBONE) {
                tensors.insert(name.to_owned(), tensor.shallow_clone());
            }
        }
        backbone.import(tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)))?;
        Ok(())
    }
}

fn check_finite(name: &str, tensor: &Tensor) -> Result<()> {
    if !matches!(
        tensor.kind(),
        Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16
    ) {
        return Ok(());
    }
    let broken = tensor
        .f_isfinite()?
        .f_logical_not()?
        .f_sum(Kind::Int64)?
        .f_int64_value(&[])?;
    if broken == 0 {
        return Ok(());
    }
    Err(ImportError::NotFinite {
        name: name.to_owned(),
        count: broken,
    })
}
