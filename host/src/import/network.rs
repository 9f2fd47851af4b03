//! Finding every network in a checkpoint that has the backbone's names.

use std::collections::{BTreeMap, HashMap};

use super::checkpoint::{Entry, State};
use super::mapping::{BACKBONE, Fate, Mapping};
use super::names::{Style, readings};
use super::role::Role;
use crate::backbone::Backbone;

/// Keys under which training scripts nest the weights, tried when a framework's checkpoint map names
/// none that is there.
const USUAL_ROOTS: [&str; 6] = [
    "state_dict",
    "model",
    "network",
    "model_state_dict",
    "net",
    "",
];
/// Prefix of the momentum encoder's tensors in a framework's map.
const TARGET: &str = "target.backbone.";

/// The backbone's tensors: names and shapes.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) tensors: Vec<(String, Vec<i64>)>,
    places: HashMap<String, usize>,
}

impl Wanted {
    pub(super) fn of(backbone: &Backbone) -> Self {
        let tensors: Vec<(String, Vec<i64>)> = backbone
            .tensors()
            .map(|named| (named.name.clone(), named.tensor.size()))
            .collect();
        let places = tensors.iter().enumerate();
        let places = places.map(|(n, (name, _))| (name.clone(), n)).collect();
        Self { tensors, places }
    }

    pub(super) fn len(&self) -> usize {
        self.tensors.len()
    }
}

/// Tensors of one dictionary, behind one prefix, that have the backbone's names.
#[derive(Debug)]
pub(super) struct Network<'c> {
    /// Where the dictionary is, and what else it holds.
    pub(super) state: &'c State,
    /// What stands before the names.
    pub(super) prefix: String,
    /// What the place says.
    pub(super) role: Role,
    /// What the framework's map calls it: `Plain` for the backbone, `Target` for the target.
    pub(super) mapped: Option<Role>,
    /// The entries by the backbone's order of tensors.
    pub(super) parts: BTreeMap<usize, &'c Entry>,
    /// How many of them have the backbone's shapes.
    pub(super) fitting: usize,
}

impl Network<'_> {
    /// Whether it has all of the backbone.
    pub(super) fn is_whole(&self, wanted: &Wanted) -> bool {
        self.fitting == wanted.len()
    }

    /// Where it is, for messages.
    pub(super) fn place(&self) -> String {
        match self.state.root.as_str() {
            "" => format!("prefix `{}`", self.prefix),
            root => format!("root `{root}`, prefix `{}`", self.prefix),
        }
    }

    /// Where it is and how much of the backbone it has, for messages.
    pub(super) fn summary(&self, wanted: &Wanted) -> String {
        let (place, all) = (self.place(), wanted.len());
        match self.parts.len() - self.fitting {
            0 => format!("{place} ({} of {all} tensors)", self.fitting),
            other => format!(
                "{place} ({} of {all} tensors, {other} more of another shape)",
                self.fitting
            ),
        }
    }
}

/// Every network, in the file's order: those that the framework's map knows, and those whose keys
/// end with the backbone's names.
pub(super) fn find<'c>(
    states: &'c [State],
    roots: &[String],
    mapping: &Mapping,
    wanted: &Wanted,
) -> Vec<Network<'c>> {
    let mut networks: Vec<Network<'c>> = states
        .iter()
        .flat_map(|state| by_names(state, wanted))
        .collect();
    let home = roots
        .iter()
        .map(String::as_str)
        .chain(USUAL_ROOTS)
        .find_map(|root| states.iter().find(|state| state.root == root));
    for mapped in home
        .into_iter()
        .flat_map(|state| by_map(state, mapping, wanted))
    {
        let known = networks.iter_mut().find(|network| {
            std::ptr::eq(network.state, mapped.state) && same_entries(network, &mapped)
        });
        match known {
            Some(network) => network.mapped = mapped.mapped,
            None => networks.push(mapped),
        }
    }
    for network in &mut networks {
        network.role = match network.mapped {
            Some(Role::Target) => Role::Target,
            _ => Role::of(&format!("{}.{}", network.state.root, network.prefix)),
        };
    }
    networks
}

fn same_entries(one: &Network<'_>, other: &Network<'_>) -> bool {
    one.parts.len() == other.parts.len()
        && one.parts.iter().all(|(part, entry)| {
            other
                .parts
                .get(part)
                .is_some_and(|there| std::ptr::eq(*there, *entry))
        })
}

/// Networks of a dictionary by the ends of its keys.
fn by_names<'c>(state: &'c State, wanted: &Wanted) -> Vec<Network<'c>> {
    let mut found: Vec<Network<'c>> = Vec::new();
    let mut places: HashMap<(&str, Style), usize> = HashMap::new();
    for entry in &state.entries {
        for reading in readings(&entry.key) {
            let Some(&part) = wanted.places.get(&reading.name) else {
                continue;
            };
            let place = *places
                .entry((reading.prefix, reading.style))
                .or_insert_with(|| {
                    found.push(network(state, reading.prefix.to_owned(), None));
                    found.len() - 1
                });
            add(&mut found[place], part, entry, wanted);
        }
    }
    // One prefix may be read in several styles, of which the best counts.
    let mut best: HashMap<String, usize> = HashMap::new();
    for network in &found {
        let most = best.entry(network.prefix.clone()).or_default();
        *most = network.fitting.max(*most);
    }
    found.retain(|network| network.fitting == best[&network.prefix]);
    found
}

/// The networks that the framework's map knows in a dictionary: the backbone, and its target.
fn by_map<'c>(state: &'c State, mapping: &Mapping, wanted: &Wanted) -> Vec<Network<'c>> {
    let mut found =
        [Role::Plain, Role::Target].map(|role| network(state, String::new(), Some(role)));
    let mut keys: [Vec<&str>; 2] = [Vec::new(), Vec::new()];
    for entry in &state.entries {
        let Fate::Renamed(name) = mapping.fate(&entry.key) else {
            continue;
        };
        for (which, prefix) in [BACKBONE, TARGET].into_iter().enumerate() {
            let part = name
                .strip_prefix(prefix)
                .and_then(|name| wanted.places.get(name));
            if let Some(&part) = part {
                add(&mut found[which], part, entry, wanted);
                keys[which].push(&entry.key);
            }
        }
    }
    let found = found.into_iter().zip(keys).map(|(mut network, keys)| {
        network.prefix = common_prefix(&keys).to_owned();
        (network, keys.len())
    });
    // Where two keys get one name, the map decides nothing.
    found
        .filter(|(network, keys)| *keys > 0 && network.parts.len() == *keys)
        .map(|(network, _)| network)
        .collect()
}

const fn network(state: &State, prefix: String, mapped: Option<Role>) -> Network<'_> {
    Network {
        state,
        prefix,
        role: Role::Plain,
        mapped,
        parts: BTreeMap::new(),
        fitting: 0,
    }
}

fn add<'c>(network: &mut Network<'c>, part: usize, entry: &'c Entry, wanted: &Wanted) {
    let fits = |entry: &Entry| usize::from(entry.fits(&wanted.tensors[part].1));
    if let Some(before) = network.parts.insert(part, entry) {
        network.fitting -= fits(before);
    }
    network.fitting += fits(entry);
}

/// What all keys begin with, up to a dot.
fn common_prefix<'k>(keys: &[&'k str]) -> &'k str {
    let Some((&first, rest)) = keys.split_first() else {
        return "";
    };
    let dots = first.match_indices('.').map(|(at, _)| &first[..=at]);
    dots.take_while(|prefix| rest.iter().all(|key| key.starts_with(prefix)))
        .last()
        .unwrap_or("")
}
