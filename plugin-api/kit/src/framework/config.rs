//! Configurations: serde structs whose keys, ranges and defaults are declared once.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use ssl_plugin_api::Fault;
use ssl_plugin_api::description::{ConfigKey, Schema, ValueKind};

/// A framework's configuration; [`config!`](crate::config!) implements it.
pub trait Config: DeserializeOwned {
    /// Every key, in the order of the docs.
    fn schema() -> Schema;

    /// Checks what a range on one key cannot.
    ///
    /// # Errors
    /// A sentence naming keys, values and rule.
    fn check(&self) -> Result<(), Fault>;

    /// Reads a configuration.
    ///
    /// # Errors
    /// Every unknown key and value out of range, in one fault.
    fn read(value: &Value) -> Result<Self, Fault> {
        let values = resolved(&Self::schema(), value)?;
        let config: Self = serde_json::from_value(Value::Object(values)).map_err(Fault::config)?;
        config.check()?;
        Ok(config)
    }
}

/// A value for every key; every mistake in one fault.
pub(super) fn resolved(schema: &Schema, given: &Value) -> Result<Map<String, Value>, Fault> {
    schema.resolve(given).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Fault::config(faults.join("; "))
    })
}

/// Declares a framework's configuration: each key once, with what it is, its type, default, range and
/// the default's source.
///
/// Makes a serde struct whose fields carry the docs, and the [`Schema`] that the host shows and checks
/// values against. The first paragraph of a field's doc is the key's in the schema. Ranges are those of
/// [`range`](crate::framework::range). `check` names a function, or holds a closure, for what a range on one
/// key cannot say.
///
/// ```
/// use ssl_plugin_kit::framework::Config;
/// use ssl_plugin_kit::serde_json::json;
/// use ssl_plugin_kit::{Fault, config};
///
/// config! {
///     /// What my framework can be told.
///     pub struct MyConfig {
///         /// Width of the projections.
///         projector_dim: usize = 128, in at_least(1), from "section 3";
///         /// Temperature of the softmax.
///         temperature: f64 = 0.1, in positive(), from "table 5";
///     }
///     check |config| match config.projector_dim % 2 {
///         0 => Ok(()),
///         _ => Err(Fault::config("`projector_dim`: expected an even number")),
///     }
/// }
///
/// assert_eq!(MyConfig::read(&json!({})).unwrap().temperature, 0.1);
/// let refused = MyConfig::read(&json!({ "temperatur": 0.2, "projector_dim": 0 })).unwrap_err();
/// assert_eq!(
///     refused.message,
///     "`projector_dim`: expected a whole number >= 1, found 0; \
///      unknown key `temperatur`, did you mean `temperature`?"
/// );
/// assert!(MyConfig::read(&json!({ "projector_dim": 3 })).is_err());
/// ```
#[macro_export]
macro_rules! config {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[doc = $doc:literal])+
        $key:ident : $ty:ty = $default:expr, in $range:expr, from $source:literal;)*
    } $(check $check:expr)?) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, $crate::serde::Deserialize)]
        #[serde(crate = "ssl_plugin_kit::serde")]
        $vis struct $name {
            $($(#[doc = $doc])+
            #[doc = ""]
            #[doc = concat!("Default: `", stringify!($default), "` (", $source, ").")]
            pub $key: $ty,)*
        }

        impl $crate::framework::Config for $name {
            fn schema() -> $crate::api::description::Schema {
                #[allow(unused_imports, reason = "not every configuration uses one of them")]
                use $crate::framework::range::*;
                $crate::api::description::Schema {
                    keys: vec![$($crate::framework::key(
                        stringify!($key),
                        $range,
                        $crate::serde_json::json!($default),
                        &[$($doc),+],
                        $source,
                    )),*],
                }
            }

            fn check(&self) -> ::std::result::Result<(), $crate::Fault> {
                $(return $crate::framework::checked(self, $check);)?
                #[allow(unreachable_code, reason = "where there is nothing to check")]
                Ok(())
            }
        }
    };
}

#[doc(hidden)]
pub fn key(key: &str, kind: ValueKind, default: Value, doc: &[&str], source: &str) -> ConfigKey {
    let first = doc.iter().map(|line| line.trim());
    let first: Vec<&str> = first.take_while(|line| !line.is_empty()).collect();
    ConfigKey {
        key: key.to_owned(),
        kind,
        default,
        doc: first.join(" ").trim_end_matches('.').to_owned(),
        source: source.to_owned(),
    }
}

#[doc(hidden)]
pub fn checked<C>(config: &C, check: impl FnOnce(&C) -> Result<(), Fault>) -> Result<(), Fault> {
    check(config)
}
