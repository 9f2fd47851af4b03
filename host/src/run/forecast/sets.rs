//! The sets of a benchmark, which need not be there.

use serde::Serialize;
use ssl_datasets::DataError;
use ssl_datasets::imagenet::ImageNetSplit;
use ssl_datasets::source::{self, DATA_ENV, Source, SourceConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name and size of a set.
#[derive(Clone, Debug, Serialize)]
pub struct SetSize {
    /// Its name.
    pub name: String,
    /// How many images it has.
    pub images: usize,
    /// How many classes.
    pub classes: usize,
    /// Whether it was found; a set of the ImageNet family that was not is counted as published.
    pub found: bool,
}

/// A set, opened where it is there.
pub(super) struct Set {
    pub size: SetSize,
    pub source: Option<Arc<dyn Source>>,
    /// What sets of the same images have in common.
    pub identity: Vec<String>,
}

/// Opens a set.
pub(super) fn open(config: &SourceConfig, root: Option<&Path>) -> Result<Set, DataError> {
    match published(config, root) {
        Some(images) => Ok(Set {
            size: SetSize {
                name: config.name.clone(),
                images: config.limit.map_or(images, |limit| limit.min(images)),
                classes: 1000,
                found: false,
            },
            source: None,
            identity: ["split", "path"]
                .map(|key| {
                    config
                        .options
                        .get(key)
                        .map_or_else(String::new, ToString::to_string)
                })
                .to_vec(),
        }),
        None => {
            let source = source::open(config, root)?;
            Ok(Set {
                size: SetSize {
                    name: config.name.clone(),
                    images: source.len(),
                    classes: source.space().classes.len(),
                    found: true,
                },
                identity: (0..source.len()).map(|sample| source.id(sample)).collect(),
                source: Some(source),
            })
        }
    }
}

/// The published number of images of a set of the ImageNet family whose folder is not there.
fn published(config: &SourceConfig, root: Option<&Path>) -> Option<usize> {
    if config.kind != "imagenet" {
        return None;
    }
    let split = config.options.get("split")?.clone();
    let split: ImageNetSplit = serde_json::from_value(split).ok()?;
    let path = Path::new(config.options.get("path")?.as_str()?);
    let from_env = std::env::var_os(DATA_ENV).map(PathBuf::from);
    let root = config.root.as_deref().or(root).or(from_env.as_deref());
    let path = root.map_or_else(|| path.to_owned(), |root| root.join(path));
    (!path.exists()).then(|| split.samples())
}
