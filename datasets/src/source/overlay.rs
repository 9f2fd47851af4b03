//! Other labels over the same images: a JSON list of label lists, as ImageNet's `real.json`.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Context, Labels, Relabelled, Source};
use crate::DataError;

/// Where the other labels are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelOverlay {
    /// A JSON array with one array of labels per sample; an empty one leaves the sample out of the
    /// score. It may be longer than the set.
    pub file: PathBuf,
    /// How a sample finds its entry.
    #[serde(default)]
    pub key: OverlayKey,
    /// Number of the entry that belongs to the first sample; only with [`OverlayKey::Order`].
    #[serde(default)]
    pub offset: usize,
}

/// How a sample finds its entry in a list of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverlayKey {
    /// By its place in the set.
    #[default]
    Order,
    /// By the number at the end of its file name: number 1 has the first entry. ImageNet's
    /// `real.json` is in this order, which is not that of class folders.
    FileNumber,
}

/// The number at the end of a file name, before the extension.
pub(crate) fn file_number(name: &str) -> Option<usize> {
    let stem = name.rsplit('/').next()?;
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    stem[stem.len() - digits..].parse().ok()
}

fn parse(bytes: &[u8]) -> Result<Vec<Vec<u32>>, String> {
    serde_json::from_slice(bytes)
        .map_err(|e| format!("expected a list of lists of labels, found: {e}"))
}

/// Parses a list of label lists; for fuzzing.
///
/// # Errors
/// What is malformed.
pub fn check_label_lists(bytes: &[u8]) -> Result<usize, String> {
    parse(bytes).map(|lists| lists.len())
}

pub(super) fn apply(
    overlay: &LabelOverlay,
    source: Arc<dyn Source>,
    context: &Context<'_>,
) -> Result<Arc<dyn Source>, DataError> {
    let path = context.resolve(&overlay.file)?;
    let lists =
        parse(&context.read(&path)?).map_err(|message| context.malformed(&path, message))?;
    let mut own = Vec::with_capacity(source.len());
    for sample in 0..source.len() {
        let entry = match overlay.key {
            OverlayKey::Order => Some(overlay.offset + sample),
            OverlayKey::FileNumber => {
                file_number(&source.id(sample)).and_then(|n| n.checked_sub(1))
            }
        };
        let entry = entry.ok_or_else(|| {
            context.malformed(
                &path,
                format!(
                    "expected a file name that ends in a number, found {}",
                    source.id(sample)
                ),
            )
        })?;
        own.push(entry);
    }
    let needed = own.iter().max().map_or(0, |last| last + 1);
    if lists.len() < needed {
        return Err(context.malformed(
            &path,
            format!(
                "expected at least {needed} label lists for {} samples, found {}",
                source.len(),
                lists.len()
            ),
        ));
    }
    let classes = source.space().classes.len();
    for &entry in &own {
        if let Some(label) = lists[entry].iter().find(|&&l| l as usize >= classes) {
            return Err(context.malformed(
                &path,
                format!("expected labels below {classes}, found {label} in entry {entry}"),
            ));
        }
    }
    let space = source.space().clone();
    Ok(Arc::new(Relabelled::with_labels(
        source,
        Labels::multi(own.into_iter().map(|entry| &lists[entry])),
        space,
    )))
}
