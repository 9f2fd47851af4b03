//! A checkpoint's tensors by key, whatever the file's format.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use tch::Tensor;

use super::container::{Format, TorchFile};
use super::pickle::{Arena, TensorRef, Value};
use super::{ImportError, Result};

/// Keys under which training scripts nest the weights, tried when a checkpoint map names none that
/// is there.
const USUAL_ROOTS: [&str; 5] = ["state_dict", "model", "network", "model_state_dict", "net"];

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

/// A tensor of a checkpoint.
#[derive(Debug)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its shape.
    pub shape: Vec<i64>,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Stored(Rc<TensorRef>),
    Held(Tensor),
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

    /// The tensors of the state dict: under the first of `roots` that is there (levels separated by
    /// dots), else under the usual names, else at the top.
    ///
    /// # Errors
    /// [`ImportError::NoState`] when there is no tensor in any of them.
    pub fn entries(&self, roots: &[String]) -> Result<Vec<Entry>> {
        let file = match &self.source {
            Source::Torch(file) => file,
            Source::Safetensors(tensors) => {
                return Ok(tensors
                    .iter()
                    .map(|(key, tensor)| Entry {
                        key: key.clone(),
                        shape: tensor.size(),
                        data: Data::Held(tensor.shallow_clone()),
                    })
                    .collect());
            }
        };
        let (arena, top) = (&file.loaded().arena, &file.loaded().value);
        let candidates = roots
            .iter()
            .map(String::as_str)
            .chain(USUAL_ROOTS)
            .filter_map(|root| descend(arena, top, root))
            .chain(std::iter::once(top));
        for candidate in candidates {
            let entries = tensors(arena, candidate);
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
        Err(ImportError::NoState {
            roots: roots.join(", "),
            found: keys(arena, top),
            path: self.path.clone(),
        })
    }

    /// Reads a tensor.
    ///
    /// # Errors
    /// [`ImportError::Tensor`] when description and data disagree, [`ImportError::Io`].
    pub fn tensor(&self, entry: &Entry) -> Result<Tensor> {
        match (&entry.data, &self.source) {
            (Data::Stored(tensor), Source::Torch(file)) => file.tensor(&entry.key, tensor),
            (Data::Held(tensor), _) => Ok(tensor.shallow_clone()),
            (Data::Stored(_), Source::Safetensors(_)) => Err(ImportError::Tensor {
                name: entry.key.clone(),
                expected: "an entry of this checkpoint".to_owned(),
                found: "one of another".to_owned(),
            }),
        }
    }
}

fn descend<'a>(arena: &'a Arena, top: &'a Value, root: &str) -> Option<&'a Value> {
    root.split('.').try_fold(top, |value, key| match value {
        Value::Dict(id) => arena.get(*id, key),
        _ => None,
    })
}

/// The tensors of a dictionary; other values (numbers, options) are passed over.
fn tensors(arena: &Arena, value: &Value) -> Vec<Entry> {
    let Value::Dict(id) = value else {
        return Vec::new();
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (key, value) in arena.dict(*id) {
        if let (Value::Text(key), Value::Tensor(tensor)) = (key, value) {
            entries.push(Entry {
                key: key.to_string(),
                shape: tensor.shape.clone(),
                data: Data::Stored(Rc::clone(tensor)),
            });
        }
    }
    entries
}

/// The first keys of a dictionary, for messages.
fn keys(arena: &Arena, value: &Value) -> String {
    const SHOWN: usize = 8;
    let Value::Dict(id) = value else {
        return format!("none but {}", value.kind());
    };
    let names: Vec<&str> = arena
        .dict(*id)
        .iter()
        .filter_map(|(key, _)| match key {
            Value::Text(key) => Some(&**key),
            _ => None,
        })
        .collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}
