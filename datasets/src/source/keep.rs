//! A part of a set by a list of file names, as SimCLR's 1 % and 10 % of ImageNet.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Context, Relabelled, Source};
use crate::DataError;

/// Which samples to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// A text file with one file name per line, without folder.
    pub file: PathBuf,
    /// SHA-256 of the list, in hexadecimal; checked when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

pub(super) fn apply(
    keep: &Keep,
    source: Arc<dyn Source>,
    context: &Context<'_>,
) -> Result<Arc<dyn Source>, DataError> {
    let path = context.resolve(&keep.file)?;
    let bytes = context.read(&path)?;
    if let Some(expected) = &keep.sha256 {
        let found: String = Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        if !found.eq_ignore_ascii_case(expected) {
            return Err(
                context.malformed(&path, format!("expected sha256 {expected}, found {found}"))
            );
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut wanted: HashMap<&str, bool> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| (line, false))
        .collect();
    let samples: Vec<u32> = (0..source.len())
        .filter(|&sample| {
            let id = source.id(sample);
            let name = id.rsplit('/').next().unwrap_or(&id);
            wanted.get_mut(name).map(|seen| *seen = true).is_some()
        })
        .map(|sample| sample as u32)
        .collect();
    let missing = wanted
        .iter()
        .filter(|(_, seen)| !**seen)
        .map(|(name, _)| *name);
    if let Some(first) = missing.clone().min() {
        return Err(context.malformed(
            &path,
            format!(
                "expected every listed file in the set, found {} missing, such as `{first}`",
                missing.count()
            ),
        ));
    }
    Ok(Arc::new(Relabelled::keep(source, samples)))
}
