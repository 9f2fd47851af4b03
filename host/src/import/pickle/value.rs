//! What a pickle builds. Containers live in an arena and are referred to by number, so that shared
//! and even cyclic structures cost nothing and are dropped without recursion.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::globals::{Element, Known};

/// Largest number of values that a pickle may hold at once, and copy, in all: 24 bytes each.
pub const MAX_ITEMS: usize = 1 << 23;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// `None`.
    None,
    /// A boolean.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// A longer integer, two's complement, lowest byte first.
    Big(Rc<[u8]>),
    /// A float.
    Float(f64),
    /// A string.
    Text(Rc<str>),
    /// Bytes.
    Bytes(Rc<[u8]>),
    /// A list or set: number of its items in the arena.
    List(usize),
    /// A tuple: number of its items in the arena.
    Tuple(usize),
    /// A dictionary: number of its pairs in the arena.
    Dict(usize),
    /// A known class or function.
    Global(Known),
    /// Any other class or function: its module and name. It is nothing but that name.
    Foreign(Rc<str>),
    /// A storage.
    Storage(Rc<StorageRef>),
    /// A tensor.
    Tensor(Rc<TensorRef>),
    /// What calling something unknown would give.
    Object(Rc<Object>),
}

/// An object of a class that this program knows nothing of. Its attributes are forgotten; where it
/// is a dictionary with another class, its items are kept.
#[derive(Debug)]
pub struct Object {
    /// Module and name of the class, or of the function that would make it.
    pub name: Rc<str>,
    /// Number of its pairs in the arena.
    pub items: usize,
}

impl Value {
    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Big(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dictionary",
            Self::Global(_) | Self::Foreign(_) => "a class or function",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Object(object) => &object.name,
        }
    }
}

/// A block of numbers elsewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageRef {
    /// Its key: a file name in a zip, an id in a legacy file.
    pub key: String,
    /// Element type.
    pub element: Element,
    /// Number of elements, as the pickle says.
    pub len: u64,
    /// First element, for a view of another storage.
    pub offset: u64,
}

/// A tensor: a strided view of a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorRef {
    /// The storage.
    pub storage: Rc<StorageRef>,
    /// First element, from the beginning of the storage.
    pub offset: u64,
    /// Shape.
    pub shape: Vec<i64>,
    /// Strides in elements.
    pub stride: Vec<i64>,
}

/// Holds the containers.
#[derive(Debug, Default)]
pub struct Arena {
    lists: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
    storages: Vec<Rc<StorageRef>>,
    foreign: BTreeSet<Rc<str>>,
    spent: usize,
}

impl Arena {
    /// Items of a list or tuple.
    #[must_use]
    pub fn list(&self, id: usize) -> &[Value] {
        &self.lists[id]
    }

    /// Pairs of a dictionary, in order; a later pair of the same key replaces an earlier one.
    #[must_use]
    pub fn dict(&self, id: usize) -> &[(Value, Value)] {
        &self.dicts[id]
    }

    /// The value of a string key.
    #[must_use]
    pub fn get(&self, id: usize, key: &str) -> Option<&Value> {
        let is_key = |value: &Value| matches!(value, Value::Text(text) if &**text == key);
        let pair = self.dicts[id].iter().rev().find(|pair| is_key(&pair.0));
        pair.map(|pair| &pair.1)
    }

    /// Every storage that was referred to, in order, with repetitions.
    pub fn storages(&self) -> impl Iterator<Item = &StorageRef> {
        self.storages.iter().map(Rc::as_ref)
    }

    /// The unknown classes and functions that were named, each once.
    pub fn foreign(&self) -> impl Iterator<Item = &str> {
        self.foreign.iter().map(Rc::as_ref)
    }

    /// Values that were put into containers or copied, in all.
    pub(super) const fn spent(&self) -> usize {
        self.spent
    }

    /// Counts work and memory that an instruction of a few bytes causes.
    pub(super) const fn spend(&mut self, values: usize) {
        self.spent = self.spent.saturating_add(values);
    }

    pub(super) fn new_foreign(&mut self, name: &str) -> Value {
        let name: Rc<str> = name.into();
        self.foreign.insert(Rc::clone(&name));
        Value::Foreign(name)
    }

    pub(super) fn new_object(&mut self, name: &Rc<str>) -> Value {
        self.spend(4);
        Value::Object(Rc::new(Object {
            name: Rc::clone(name),
            items: self.new_dict(Vec::new()),
        }))
    }

    pub(super) fn new_storage(&mut self, storage: StorageRef) -> Value {
        self.spend(6 + storage.key.len() / 16);
        let storage = Rc::new(storage);
        self.storages.push(Rc::clone(&storage));
        Value::Storage(storage)
    }

    pub(super) fn new_list(&mut self, items: Vec<Value>) -> usize {
        self.spend(items.len() + 2);
        self.lists.push(items);
        self.lists.len() - 1
    }

    pub(super) fn new_dict(&mut self, pairs: Vec<(Value, Value)>) -> usize {
        self.spend(2 * pairs.len() + 2);
        self.dicts.push(pairs);
        self.dicts.len() - 1
    }

    pub(super) fn extend_list(&mut self, id: usize, items: Vec<Value>) {
        self.spend(items.len());
        self.lists[id].extend(items);
    }

    pub(super) fn extend_dict(&mut self, id: usize, pairs: Vec<(Value, Value)>) {
        self.spend(2 * pairs.len());
        self.dicts[id].extend(pairs);
    }
}
