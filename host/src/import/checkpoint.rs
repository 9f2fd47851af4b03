//! A checkpoint's dictionaries and their tensors, whatever the file's format.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tch::Tensor;

use super::container::{Format, TorchFile};
use super::pickle::{Arena, TensorRef, Value, printable};
use super::{ImportError, Result};

/// Deeper levels of dictionaries are not looked into.
const MAX_DEPTH: usize = 12;
/// Largest number of keys that are read, over all dictionaries.
const MAX_KEYS: usize = 1 << 22;

/// An opened checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Torch(Box<TorchFile>),
    Safetensors(Vec<(String, Tensor)>),
}

/// A dictionary that holds tensors.
#[derive(Debug)]
pub struct State {
    /// The keys that lead to it, joined by dots; empty at the top.
    pub root: String,
    /// Its tensors, in the file's order.
    pub entries: Vec<Entry>,
}

/// A tensor of a checkpoint.
#[derive(Debug)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its shape; empty for an object that stands in a tensor's place.
    pub shape: Vec<i64>,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Stored(Rc<TensorRef>),
    Held(Tensor),
    /// An object of this type.
    Foreign(Rc<str>),
}

impl Entry {
    /// Whether it is a tensor of this shape, or an object, of which only reading it tells.
    pub(super) fn fits(&self, shape: &[i64]) -> bool {
        self.shape == shape || self.is_foreign()
    }

    /// Whether it is an object that this program knows nothing of.
    pub(super) const fn is_foreign(&self) -> bool {
        matches!(self.data, Data::Foreign(_))
    }
}

impl Checkpoint {
    /// Opens a file; the tensor data of PyTorch files is read later, tensor by tensor.
    ///
    /// # Errors
    /// [`ImportError::Format`], [`ImportError::Pickle`] or [`ImportError::Safetensors`] for what is
    /// damaged, foreign or refused.
    pub fn open(path: &Path) -> Result<Self> {
        let source = match Format::of(path)? {
            Format::Safetensors => Source::Safetensors(crate::tensorfile::read(path)?),
            format => Source::Torch(Box::new(TorchFile::open(path, format)?)),
        };
        Ok(Self {
            path: path.to_owned(),
            source,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Types of the file's objects that this program knows nothing of, each once.
    #[must_use]
    pub fn foreign(&self) -> Vec<String> {
        match &self.source {
            Source::Torch(file) => file.loaded().arena.foreign().map(str::to_owned).collect(),
            Source::Safetensors(_) => Vec::new(),
        }
    }

    /// Every dictionary with tensors, those near the top first.
    ///
    /// # Errors
    /// [`ImportError::Format`] for dictionaries that contain each other over and over.
    pub fn states(&self) -> Result<Vec<State>> {
        let file = match &self.source {
            Source::Torch(file) => file,
            Source::Safetensors(tensors) => {
                let held = |(key, tensor): &(String, Tensor)| Entry {
                    key: printable(key.as_bytes()),
                    shape: tensor.size(),
                    data: Data::Held(tensor.shallow_clone()),
                };
                return Ok(vec![State {
                    root: String::new(),
                    entries: tensors.iter().map(held).collect(),
                }]);
            }
        };
        let (arena, top) = (&file.loaded().arena, &file.loaded().value);
        let mut states = Vec::new();
        let mut keys = 0;
        let mut waiting = VecDeque::from([(String::new(), 0, top)]);
        while let Some((root, depth, value)) = waiting.pop_front() {
            let pairs = pairs(arena, value);
            keys += pairs.len();
            if keys > MAX_KEYS {
                return Err(ImportError::Format {
                    expected: format!("dictionaries of {MAX_KEYS} keys at most"),
                    found: "more, or dictionaries that contain each other".to_owned(),
                    path: self.path.clone(),
                });
            }
            if depth < MAX_DEPTH {
                waiting.extend(pairs.iter().filter_map(|(key, value)| match (key, value) {
                    (Value::Text(key), Value::Dict(_) | Value::Object(_)) => {
                        let dot = if root.is_empty() { "" } else { "." };
                        Some((format!("{root}{dot}{key}"), depth + 1, value))
                    }
                    _ => None,
                }));
            }
            let entries = entries(pairs);
            if entries.iter().any(|entry| !entry.is_foreign()) {
                states.push(State { root, entries });
            }
        }
        Ok(states)
    }

    /// What the file's keys are, for messages.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.source {
            Source::Torch(file) => keys(&file.loaded().arena, &file.loaded().value),
            Source::Safetensors(tensors) => {
                printable(first(tensors.iter().map(|(key, _)| key.as_str())).as_bytes())
            }
        }
    }

    /// Reads a tensor.
    ///
    /// # Errors
    /// [`ImportError::Tensor`] when description and data disagree, [`ImportError::Io`].
    pub fn tensor(&self, entry: &Entry) -> Result<Tensor> {
        let refuse = |found: String| ImportError::Tensor {
            name: entry.key.clone(),
            expected: "a tensor of numbers".to_owned(),
            found,
        };
        match (&entry.data, &self.source) {
            (Data::Stored(tensor), Source::Torch(file)) => file.tensor(&entry.key, tensor),
            (Data::Held(tensor), _) => Ok(tensor.shallow_clone()),
            (Data::Stored(_), Source::Safetensors(_)) => Err(refuse("one of another file".into())),
            (Data::Foreign(kind), _) => Err(refuse(format!("an object of `{kind}`"))),
        }
    }

    /// Whether two entries hold the same numbers.
    ///
    /// # Errors
    /// Those of [`Checkpoint::tensor`].
    pub(super) fn same(&self, one: &Entry, other: &Entry) -> Result<bool> {
        match (&one.data, &other.data) {
            (Data::Stored(one), Data::Stored(other)) if one == other => Ok(true),
            _ => Ok(self.tensor(one)? == self.tensor(other)?),
        }
    }
}

/// The pairs of a dictionary, or of an object that is one.
fn pairs<'a>(arena: &'a Arena, value: &Value) -> &'a [(Value, Value)] {
    match value {
        Value::Dict(id) => arena.dict(*id),
        Value::Object(object) => arena.dict(object.items),
        _ => &[],
    }
}

/// The tensors of a dictionary; other values (numbers, options) are passed over. A later pair of
/// the same key replaces an earlier one.
fn entries(pairs: &[(Value, Value)]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (key, value) in pairs {
        let Value::Text(key) = key else { continue };
        let (shape, data) = match value {
            Value::Tensor(tensor) => (tensor.shape.clone(), Data::Stored(Rc::clone(tensor))),
            Value::Object(object) => (Vec::new(), Data::Foreign(Rc::clone(&object.name))),
            _ => continue,
        };
        let entry = Entry {
            key: key.to_string(),
            shape,
            data,
        };
        match places.get(&**key) {
            Some(&place) => entries[place] = entry,
            None => {
                places.insert(key, entries.len());
                entries.push(entry);
            }
        }
    }
    entries
}

fn keys(arena: &Arena, value: &Value) -> String {
    let pairs = pairs(arena, value);
    if pairs.is_empty() {
        return match value {
            Value::Dict(_) => "an empty dictionary".to_owned(),
            Value::Object(object) => format!("a whole object of `{}`", object.name),
            other => other.kind().to_owned(),
        };
    }
    first(pairs.iter().filter_map(|(key, _)| match key {
        Value::Text(key) => Some(&**key),
        _ => None,
    }))
}

/// The first of many keys.
fn first<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = keys.take(SHOWN + 1).collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    match names.as_slice() {
        [] => "no keys".to_owned(),
        names => format!(
            "the keys {}{more}",
            names[..names.len().min(SHOWN)].join(", ")
        ),
    }
}
