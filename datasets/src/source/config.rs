//! The configuration of a split and how it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::classmap::{self, ClassMap};
use super::keep::{self, Keep};
use super::overlay::{self, LabelOverlay};
use super::relabel::Relabelled;
use super::{Context, Source, kinds};
use crate::DataError;
use crate::error::nearest;

/// Environment variable that names the data folder when a configuration has no `root`.
pub const DATA_ENV: &str = "SSL_LOTTERY_DATA";

/// Keys that every kind has.
const COMMON: [&str; 8] = [
    "name",
    "kind",
    "root",
    "keep",
    "labels",
    "class_map",
    "limit",
    "expect",
];

/// A split, as a configuration writes it.
///
/// ```
/// # use ssl_datasets::source::SourceConfig;
/// let split: SourceConfig = toml::from_str(r#"
///     name = "real"
///     kind = "cifar10"
///     files = ["cifar10/test_batch_1.bin"]
///     labels = { file = "cifar10/cifar10h-realstyle-test0000-1999.json" }
/// "#)?;
/// assert_eq!(split.options["files"][0], "cifar10/test_batch_1.bin");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceConfig {
    /// Name of the set: the column in tables.
    pub name: String,
    /// Which adapter reads it.
    pub kind: String,
    /// Folder that relative paths start from; default the run's data folder, then
    /// `SSL_LOTTERY_DATA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Keeps the samples of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Other labels for the same images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelOverlay>,
    /// Renames classes to those of another set and drops the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_map: Option<ClassMap>,
    /// Keeps the first this many samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// What the set has to hold; checked when it is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// The adapter's own keys.
    #[serde(flatten)]
    pub options: Map<String, Value>,
}

/// Counts that a set has to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Number of samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// Number of classes of the label space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
}

/// Opens a split. `root` is the run's data folder; the split's own `root` goes before it, the
/// environment variable [`DATA_ENV`] after it.
///
/// # Errors
/// [`DataError::UnknownKind`], [`DataError::UnknownKey`], [`DataError::BadConfig`] for the
/// configuration; what the adapter finds missing or malformed.
pub fn open(config: &SourceConfig, root: Option<&Path>) -> Result<Arc<dyn Source>, DataError> {
    let all = kinds();
    if let Some(pair) = all.windows(2).find(|pair| pair[0].kind == pair[1].kind) {
        return Err(DataError::DuplicateKind {
            kind: pair[0].kind.to_owned(),
        });
    }
    let Some(kind) = all.iter().find(|k| k.kind == config.kind) else {
        return Err(DataError::UnknownKind {
            set: config.name.clone(),
            kind: config.kind.clone(),
            nearest: nearest(&config.kind, all.iter().map(|k| k.kind)),
            known: all.iter().map(|k| k.kind).collect::<Vec<_>>().join(", "),
        });
    };
    let known = || kind.keys.iter().copied().chain(COMMON);
    if let Some(key) = config
        .options
        .keys()
        .find(|k| !kind.keys.contains(&k.as_str()))
    {
        return Err(DataError::UnknownKey {
            set: config.name.clone(),
            kind: config.kind.clone(),
            key: key.clone(),
            nearest: nearest(key, known()),
            known: known().collect::<Vec<_>>().join(", "),
        });
    }
    let from_env = std::env::var_os(DATA_ENV).map(PathBuf::from);
    let context = Context {
        name: &config.name,
        root: config.root.as_deref().or(root).or(from_env.as_deref()),
        options: &config.options,
    };
    let mut source = (kind.open)(&context)?;
    if let Some(keep) = &config.keep {
        source = keep::apply(keep, source, &context)?;
    }
    if let Some(labels) = &config.labels {
        source = overlay::apply(labels, source, &context)?;
    }
    if let Some(map) = &config.class_map {
        source = classmap::apply(map, source, &context)?;
    }
    if let Some(limit) = config.limit {
        if limit == 0 || limit > source.len() {
            return Err(context.bad(format!(
                "expected `limit` in 1..={}, found {limit}",
                source.len()
            )));
        }
        source = Arc::new(Relabelled::keep(source, (0..limit as u32).collect()));
    }
    let expect = config.expect.unwrap_or_default();
    for (what, expected, found) in [
        ("samples", expect.samples, source.len()),
        ("classes", expect.classes, source.space().classes.len()),
    ] {
        if expected.is_some_and(|expected| expected != found) {
            let expected = expected.unwrap_or_default();
            return Err(context.bad(format!("expected {expected} {what}, found {found}")));
        }
    }
    Ok(source)
}
