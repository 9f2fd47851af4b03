//! Whether the folders at the top are classes, or hold the class folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::files::Entry;

/// Names of the parts of a data set.
const PARTS: [&str; 9] = [
    "dev",
    "eval",
    "evaluation",
    "test",
    "testing",
    "train",
    "training",
    "val",
    "validation",
];

/// Refuses folders that hold class folders: parts of a set side by side, whose classes would be merged,
/// and a single folder around everything. `path` is the set's, as configured.
pub(super) fn check(folders: &BTreeMap<String, Vec<Entry>>, path: &Path) -> Result<(), String> {
    let filled = || folders.iter().filter(|(_, images)| !images.is_empty());
    let parts: Vec<&String> = filled()
        .filter(|(name, images)| is_part(name) && !inner(images).is_empty())
        .map(|(name, _)| name)
        .collect();
    if let [first, rest @ ..] = parts.as_slice()
        && (!rest.is_empty() || filled().count() == 1)
    {
        let names: Vec<String> = parts.iter().map(|name| format!("`{name}`")).collect();
        return Err(format!(
            "expected class folders, found {} with folders in them; name the one you mean, such as `{}`",
            names.join(" and "),
            path.join(first).display()
        ));
    }
    let mut filled = filled();
    if let (Some((name, images)), None) = (filled.next(), filled.next())
        && inner(images).len() > 1
    {
        return Err(format!(
            "expected class folders, found only `{name}`, with {} folders of images in it; if these are the classes, name it: `{}`",
            inner(images).len(),
            path.join(name).display()
        ));
    }
    Ok(())
}

fn is_part(name: &str) -> bool {
    PARTS.iter().any(|part| name.eq_ignore_ascii_case(part))
}

/// Folders in a folder that has no images beside them.
fn inner(images: &[Entry]) -> BTreeSet<&str> {
    let inner: Option<BTreeSet<&str>> = images
        .iter()
        .map(|image| image.name.split_once('/').map(|(folder, _)| folder))
        .collect();
    inner.unwrap_or_default()
}
