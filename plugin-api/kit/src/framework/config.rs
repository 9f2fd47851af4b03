//! Configurations: serde structs whose keys, ranges and defaults are listed in a schema.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use ssl_plugin_api::Fault;
use ssl_plugin_api::description::{ConfigKey, Schema, ValueKind};

/// A framework's configuration.
///
/// The schema is the single place for types, ranges and defaults; the struct only receives values
/// that passed it.
pub trait Config: Serialize + DeserializeOwned {
    /// Every key, in the order of the docs.
    fn schema() -> Schema;

    /// Fills in defaults that depend on other keys (a variant chosen by `version`); called before
    /// the schema's own defaults apply.
    fn presets(given: &mut Map<String, Value>) {
        let _ = given;
    }

    /// Checks what a range on one key cannot.
    ///
    /// # Errors
    /// A sentence naming keys, values and rule.
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// Every unknown key and value out of range, in one fault.
    fn read(value: &Value) -> Result<Self, Fault> {
        let mut given = value.clone();
        if given.is_null() {
            given = Value::Object(Map::new());
        }
        if let Value::Object(map) = &mut given {
            Self::presets(map);
        }
        let resolved = Self::schema().resolve(&given).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Fault::config(faults.join("; "))
        })?;
        let config: Self =
            serde_json::from_value(Value::Object(resolved)).map_err(Fault::config)?;
        config.check()?;
        Ok(config)
    }
}

/// Refuses values of keys that a version of a framework has no use for; `others` are those keys, null
/// where the user left them alone.
///
/// # Errors
/// The first key with a value.
pub fn check_absent(version: &str, others: &Map<String, Value>) -> Result<(), Fault> {
    match others.iter().find(|(_, value)| !value.is_null()) {
        Some((key, _)) => Err(Fault::config(format!(
            "`{key}`: expected null with version {version}, which has no such thing, found a value"
        ))),
        None => Ok(()),
    }
}

/// One line of a schema.
#[must_use]
pub fn key(
    key: &str,
    kind: ValueKind,
    default: impl Into<Value>,
    doc: &str,
    source: &str,
) -> ConfigKey {
    ConfigKey {
        key: key.to_owned(),
        kind,
        default: default.into(),
        doc: doc.to_owned(),
        source: source.to_owned(),
    }
}
