//! Configuration keys of a framework: types, ranges, defaults, where each default comes from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Type and range of a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum ValueKind {
    /// `true` or `false`.
    Bool,
    /// A whole number in `min ..= max`.
    Int {
        /// Least value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A number between `min` and `max`.
    Float {
        /// Lower end.
        min: f64,
        /// Upper end.
        max: f64,
        /// Whether `min` itself is refused.
        #[serde(default)]
        above: bool,
    },
    /// One of these strings.
    Choice {
        /// The strings.
        of: Vec<String>,
    },
    /// A list whose items are of one kind.
    List {
        /// Kind of the items.
        of: Box<ValueKind>,
        /// Least length.
        min_len: usize,
        /// Largest length.
        max_len: usize,
    },
    /// A value, or null.
    Optional {
        /// Kind of the value.
        of: Box<ValueKind>,
    },
    /// One of several kinds (OBoW's `inv_delta`: a number, a list by level, or null).
    Any {
        /// The kinds.
        of: Vec<ValueKind>,
    },
}

/// One configuration key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigKey {
    /// The key.
    pub key: String,
    /// Type and range.
    pub kind: ValueKind,
    /// Default.
    pub default: Value,
    /// What it is, with unit.
    pub doc: String,
    /// Where the default comes from.
    pub source: String,
}

/// All keys of a framework.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// The keys, in the order of the docs.
    pub keys: Vec<ConfigKey>,
}

impl Eq for Schema {}

/// What is wrong with one key of a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The configuration is not a table.
    #[error("expected a table of keys, found {found}")]
    NotATable {
        /// What was found.
        found: String,
    },
    /// No such key.
    #[error("unknown key `{key}`{}", nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key.
        key: String,
        /// The nearest known key.
        nearest: Option<String>,
    },
    /// Wrong type or out of range.
    #[error("`{key}`: expected {expected}, found {found}")]
    BadValue {
        /// The key.
        key: String,
        /// What is allowed.
        expected: String,
        /// What was found.
        found: String,
    },
}

impl ValueKind {
    /// Any finite positive number.
    #[must_use]
    pub const fn positive() -> Self {
        Self::Float {
            min: 0.0,
            max: f64::MAX,
            above: true,
        }
    }

    /// A number in `[0, 1]`.
    #[must_use]
    pub const fn fraction() -> Self {
        Self::Float {
            min: 0.0,
            max: 1.0,
            above: false,
        }
    }

    /// A whole number of at least `min`.
    #[must_use]
    pub const fn at_least(min: i64) -> Self {
        Self::Int { min, max: i64::MAX }
    }

    /// One of these strings.
    #[must_use]
    pub fn choice(of: &[&str]) -> Self {
        Self::Choice {
            of: of.iter().map(|&s| s.to_owned()).collect(),
        }
    }

    /// A list of `min_len` to `max_len` items.
    #[must_use]
    pub fn list(of: Self, min_len: usize, max_len: usize) -> Self {
        Self::List {
            of: Box::new(of),
            min_len,
            max_len,
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Bool => value.is_boolean(),
            Self::Int { min, max } => value.as_i64().is_some_and(|v| (*min..=*max).contains(&v)),
            Self::Float { min, max, above } => value.as_f64().is_some_and(|v| {
                v.is_finite() && v <= *max && if *above { v > *min } else { v >= *min }
            }),
            Self::Choice { of } => value.as_str().is_some_and(|v| of.iter().any(|o| o == v)),
            Self::List {
                of,
                min_len,
                max_len,
            } => value.as_array().is_some_and(|items| {
                (*min_len..=*max_len).contains(&items.len()) && items.iter().all(|v| of.accepts(v))
            }),
            Self::Optional { of } => value.is_null() || of.accepts(value),
            Self::Any { of } => of.iter().any(|kind| kind.accepts(value)),
        }
    }

    /// The range in words, for messages and docs.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int { min, max } if *max == i64::MAX => format!("a whole number >= {min}"),
            Self::Int { min, max } => format!("a whole number in {min}..={max}"),
            Self::Float { min, max, above } => {
                let open = if *above { "(" } else { "[" };
                if *max == f64::MAX {
                    format!("a number in {open}{min}, inf)")
                } else {
                    format!("a number in {open}{min}, {max}]")
                }
            }
            Self::Choice { of } => format!("one of {}", of.join(", ")),
            Self::List {
                of,
                min_len,
                max_len,
            } if *max_len == usize::MAX => {
                format!("a list of at least {min_len}, each {}", of.describe())
            }
            Self::List {
                of,
                min_len,
                max_len,
            } => {
                format!("a list of {min_len} to {max_len}, each {}", of.describe())
            }
            Self::Optional { of } => format!("null or {}", of.describe()),
            Self::Any { of } => of
                .iter()
                .map(Self::describe)
                .collect::<Vec<_>>()
                .join(", or "),
        }
    }
}

impl Schema {
    /// Checks a configuration and fills in the defaults.
    ///
    /// # Errors
    /// Every fault found, not only the first.
    pub fn resolve(&self, config: &Value) -> Result<Map<String, Value>, Vec<SchemaError>> {
        let empty = Map::new();
        let given = match config {
            Value::Null => &empty,
            Value::Object(map) => map,
            other => {
                return Err(vec![SchemaError::NotATable {
                    found: other.to_string(),
                }]);
            }
        };
        let mut faults = Vec::new();
        for (key, value) in given {
            match self.keys.iter().find(|k| &k.key == key) {
                None => faults.push(SchemaError::UnknownKey {
                    key: key.clone(),
                    nearest: self.nearest(key),
                }),
                Some(known) if !known.kind.accepts(value) => faults.push(SchemaError::BadValue {
                    key: key.clone(),
                    expected: known.kind.describe(),
                    found: value.to_string(),
                }),
                Some(_) => {}
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(self
            .keys
            .iter()
            .map(|k| {
                (
                    k.key.clone(),
                    given.get(&k.key).unwrap_or(&k.default).clone(),
                )
            })
            .collect())
    }

    fn nearest(&self, key: &str) -> Option<String> {
        self.keys
            .iter()
            .map(|k| (strsim::damerau_levenshtein(key, &k.key), &k.key))
            .filter(|(distance, k)| *distance <= (k.len().max(key.len()) / 2).max(2))
            .min()
            .map(|(_, k)| k.clone())
    }
}
