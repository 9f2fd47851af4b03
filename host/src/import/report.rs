//! The outcome of an import: tensors under the host's names and an account of every key.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use ssl_plugin_api::description::CheckpointMap;
use tch::Tensor;

use super::checkpoint::Entry;
use super::health;
use super::mapping::{BACKBONE, Fate, Mapping};
use super::network::{self, Network, Wanted};
use super::role::Role;
use super::select::{Selection, WhichEncoder, list};
use super::{Checkpoint, ImportError, Result};
use crate::backbone::Backbone;

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

/// What became of every key of the dictionary that holds the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyReport {
    /// The keys that lead to the dictionary, joined by dots; empty at the top.
    pub root: String,
    /// What stands before the backbone's names.
    pub prefix: String,
    /// Which of the framework's two networks it is.
    pub encoder: WhichEncoder,
    /// Keys that were used.
    pub used: Vec<KeyUse>,
    /// Keys that nothing wants: no rule knows them, the map drops them, or the backbone has no such
    /// tensor.
    pub unused: Vec<String>,
    /// Tensors of the backbone that no key gives.
    pub missing: Vec<String>,
    /// Keys whose tensors have another shape than the backbone's.
    pub wrong_shape: Vec<KeyShape>,
    /// Types of objects in the file that were skipped.
    pub objects: Vec<String>,
    /// What is strange about the weights.
    pub warnings: Vec<String>,
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
    /// Reads the network that `selection` means and checks it against `backbone`.
    ///
    /// The network is found by the ends of its keys, so that any prefix may stand before them; the
    /// framework's `map` decides where a file holds several, and names heads and states.
    ///
    /// # Errors
    /// [`ImportError::NoNetwork`] and [`ImportError::Choice`] when there is none or more than one;
    /// [`ImportError::Partial`] when a tensor of it is missing or of another shape, unless
    /// `allow_partial`; [`ImportError::NotFinite`] and [`ImportError::NegativeVariance`] for weights
    /// that cannot be; [`ImportError::Collision`]; what [`Checkpoint`] refuses.
    pub fn read(
        path: &Path,
        map: &CheckpointMap,
        selection: &Selection,
        backbone: &Backbone,
        allow_partial: bool,
    ) -> Result<Self> {
        let mapping = Mapping::compile(map)?;
        let checkpoint = Checkpoint::open(path)?;
        let states = checkpoint.states()?;
        let wanted = Wanted::of(backbone);
        let networks = network::find(&states, &map.roots, &mapping, &wanted);
        let (network, encoder) =
            selection.choose(&networks, &checkpoint, &wanted, allow_partial)?;
        let (mut report, chosen) = account(network, encoder, &mapping, &wanted)?;
        // Nothing at all is no part.
        if network.fitting == 0 || !(report.is_full() || allow_partial) {
            let others: Vec<&Network<'_>> = networks
                .iter()
                .filter(|other| !std::ptr::eq(*other, network) && other.is_whole(&wanted))
                .collect();
            return Err(ImportError::Partial {
                place: network.place(),
                others: list(&others, &wanted),
                report: Box::new(report),
            });
        }
        let mut tensors = Vec::with_capacity(chosen.len());
        for (name, entry) in chosen {
            let tensor = checkpoint.tensor(entry)?;
            match name.strip_prefix(BACKBONE) {
                Some(name) => health::check(&entry.key, name, &tensor)?,
                None => health::check_finite(&entry.key, &tensor)?,
            }
            tensors.push((name, tensor));
        }
        let of_backbone = tensors
            .iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(BACKBONE)?, tensor)));
        report.warnings = health::warnings(of_backbone)?;
        report.objects = checkpoint.foreign();
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

type Chosen<'c> = Vec<(String, &'c Entry)>;

/// What becomes of every key beside the chosen network, and the tensors to read, in the file's order.
fn account<'c>(
    network: &Network<'c>,
    encoder: WhichEncoder,
    mapping: &Mapping,
    wanted: &Wanted,
) -> Result<(KeyReport, Chosen<'c>)> {
    let mut report = KeyReport {
        root: network.state.root.clone(),
        prefix: network.prefix.clone(),
        encoder,
        used: Vec::new(),
        unused: Vec::new(),
        missing: Vec::new(),
        wrong_shape: Vec::new(),
        objects: Vec::new(),
        warnings: Vec::new(),
    };
    let parts = network.parts.iter();
    let parts: HashMap<&str, usize> = parts.map(|(n, entry)| (entry.key.as_str(), *n)).collect();
    let mut chosen: Chosen<'c> = Vec::new();
    let mut owners: HashMap<String, &str> = HashMap::new();
    for entry in &network.state.entries {
        let name = match parts.get(entry.key.as_str()) {
            Some(&part) => {
                let (name, expected) = &wanted.tensors[part];
                if !entry.fits(expected) {
                    report.wrong_shape.push(KeyShape {
                        key: entry.key.clone(),
                        expected: expected.clone(),
                        found: entry.shape.clone(),
                    });
                    continue;
                }
                format!("{BACKBONE}{name}")
            }
            None => match mapping.fate(&entry.key) {
                Fate::Renamed(name) if is_kept(&name, network) && !entry.is_foreign() => name,
                _ => {
                    report.unused.push(entry.key.clone());
                    continue;
                }
            },
        };
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
    let missing = wanted.tensors.iter().enumerate();
    report.missing = missing
        .filter(|(part, _)| !network.parts.contains_key(part))
        .map(|(_, (name, _))| format!("{BACKBONE}{name}"))
        .collect();
    Ok((report, chosen))
}

/// Whether a tensor beside the chosen network is kept: heads and states are, another backbone only
/// as the target of the one that the map calls the backbone.
fn is_kept(name: &str, network: &Network<'_>) -> bool {
    if name.starts_with("target.") {
        network.mapped == Some(Role::Plain)
    } else {
        !name.starts_with(BACKBONE)
    }
}
