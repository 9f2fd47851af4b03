//! The table of adapters.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Source;
use crate::DataError;
use crate::files::open_regular;

/// An adapter: how one kind of data set is opened.
pub struct SourceKind {
    /// The value of `kind` in a configuration.
    pub kind: &'static str,
    /// One sentence for `data list`.
    pub doc: &'static str,
    /// The adapter's own keys.
    pub keys: &'static [&'static str],
    /// Opens it.
    pub open: fn(&Context<'_>) -> Result<Arc<dyn Source>, DataError>,
}

inventory::collect!(SourceKind);

/// Every registered adapter, by name.
#[must_use]
pub fn kinds() -> Vec<&'static SourceKind> {
    let mut all: Vec<_> = inventory::iter::<SourceKind>.into_iter().collect();
    all.sort_by_key(|k| k.kind);
    all
}

/// What an adapter is given.
pub struct Context<'a> {
    /// Name of the set, for messages.
    pub name: &'a str,
    /// The data folder that relative paths start from.
    pub root: Option<&'a Path>,
    /// The adapter's own keys; only known ones.
    pub options: &'a Map<String, Value>,
}

impl Context<'_> {
    /// Reads the adapter's keys into its configuration type.
    ///
    /// # Errors
    /// [`DataError::BadConfig`] with the key and the expected type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        T::deserialize(Value::Object(self.options.clone())).map_err(|e| self.bad(e.to_string()))
    }

    /// A configuration error.
    #[must_use]
    pub fn bad(&self, message: impl Into<String>) -> DataError {
        DataError::BadConfig {
            set: self.name.to_owned(),
            message: message.into(),
        }
    }

    /// Resolves a path of the configuration.
    ///
    /// # Errors
    /// [`DataError::NoRoot`] for a relative path without a data folder.
    pub fn resolve(&self, path: &Path) -> Result<PathBuf, DataError> {
        if path.is_absolute() {
            return Ok(path.to_owned());
        }
        match self.root {
            Some(root) => Ok(root.join(path)),
            None => Err(DataError::NoRoot {
                set: self.name.to_owned(),
                path: path.to_owned(),
            }),
        }
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// [`DataError::Read`].
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        open_regular(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|source| self.unreadable(path, source))?;
        Ok(bytes)
    }

    pub(crate) fn unreadable(&self, path: &Path, source: std::io::Error) -> DataError {
        DataError::Read {
            set: self.name.to_owned(),
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn empty(&self, path: &Path, expected: &'static str) -> DataError {
        DataError::Empty {
            set: self.name.to_owned(),
            path: path.to_owned(),
            expected,
        }
    }

    pub(crate) fn malformed(&self, path: &Path, message: impl Into<String>) -> DataError {
        DataError::Malformed {
            set: self.name.to_owned(),
            path: path.to_owned(),
            message: message.into(),
        }
    }
}
