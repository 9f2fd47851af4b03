//! Files of torch before 1.6: a magic number, a version, a note on the system, the object, the list
//! of storage keys, each a pickle; then the storages, one after the other. Any other pickle is taken
//! as the object itself.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::{io, malformed};
use crate::import::pickle::{Arena, Input, Loaded, Value, load};
use crate::import::{ImportError, Result};

/// First pickle of a legacy file: 0x1950a86a20f9469cfc6c.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION: i64 = 1001;

/// First byte and length of each storage's data.
#[derive(Debug, Default)]
pub(super) struct Storages(HashMap<String, (u64, u64)>);

impl Storages {
    pub(super) fn get(&self, key: &str) -> Option<(u64, u64)> {
        self.0.get(key).copied()
    }
}

/// Loads the object and finds the storages.
pub(super) fn open(path: &Path, file: File) -> Result<(Loaded, Storages)> {
    let length = file.metadata().map_err(io(path))?.len();
    let mut input = Input::new(BufReader::new(file), length);
    let mut next = || {
        load(&mut input).map_err(|source| ImportError::Pickle {
            path: path.to_owned(),
            source,
        })
    };
    let first = next()?;
    if !matches!(&first.value, Value::Big(bytes) if **bytes == MAGIC) {
        return Ok((first, Storages::default()));
    }
    match next()?.value {
        Value::Int(VERSION) => {}
        other => {
            return Err(malformed(
                path,
                format!("format version {VERSION}"),
                format!("{other:?}"),
            ));
        }
    }
    let system = next()?;
    if let Value::Dict(id) = system.value
        && matches!(
            system.arena.get(id, "little_endian"),
            Some(Value::Bool(false))
        )
    {
        return Err(malformed(path, "little-endian data", "big-endian data"));
    }
    let object = next()?;
    let keys = next()?;
    let Value::List(keys_id) = keys.value else {
        return Err(malformed(path, "the list of storages", keys.value.kind()));
    };
    let sizes = element_sizes(&object.arena);
    let mut storages = HashMap::new();
    for key in keys.arena.list(keys_id) {
        let key = match key {
            Value::Text(key) => key.to_string(),
            Value::Int(key) => key.to_string(),
            other => return Err(malformed(path, "the key of a storage", other.kind())),
        };
        let Some(&size) = sizes.get(&key) else {
            return Err(malformed(
                path,
                format!("a tensor that uses storage {key}"),
                "none",
            ));
        };
        let count = input.number().map_err(|source| ImportError::Pickle {
            path: path.to_owned(),
            source,
        })?;
        let start = input.position();
        let bytes = count.checked_mul(size);
        let skipped = bytes.is_some_and(|bytes| input.skip(bytes));
        let Some(bytes) = bytes.filter(|_| skipped) else {
            return Err(malformed(
                path,
                format!("{count} elements of {size} bytes for storage {key}"),
                "the end of the file",
            ));
        };
        storages.insert(key, (start, bytes));
    }
    Ok((object, Storages(storages)))
}

/// Bytes per element of every storage that the object refers to.
fn element_sizes(arena: &Arena) -> HashMap<String, u64> {
    arena
        .storages()
        .map(|storage| (storage.key.clone(), storage.element.bytes()))
        .collect()
}
