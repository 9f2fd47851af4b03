//! From files to labels: class folders by WordNet id, by number, or one flat folder with a list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ImageNetSplit;
use super::classes::{class_of, wnid};
use crate::DataError;
use crate::files::{Entry, FileSet, Tree};
use crate::source::{Context, file_number};

/// What the set does not read of a tree, counted and named.
pub(super) fn passed(tree: &Tree) -> Option<String> {
    let mut passed = tree.passed.clone();
    for image in tree.loose.iter().filter(|_| !tree.folders.is_empty()) {
        passed.add("images beside the class folders", &image.name);
    }
    passed.text()
}

/// Fills `files` and gives the label of each.
pub(super) fn assign(
    context: &Context<'_>,
    mut tree: Tree,
    split: ImageNetSplit,
    ground_truth: Option<&Path>,
    files: &mut FileSet,
) -> Result<Vec<u32>, DataError> {
    // One folder around everything, as some archives have it, is no class.
    if tree.folders.len() == 1
        && let Some((name, entries)) = tree.folders.first_key_value()
        && class_of(name).is_none()
        && name.parse::<u32>().is_err()
    {
        let prefix = name.clone();
        let entries = entries.clone();
        files.folder(&prefix);
        return flat(context, &tree.root, &entries, ground_truth, files);
    }
    if tree.folders.is_empty() {
        files.folder("");
        let entries = std::mem::take(&mut tree.loose);
        return flat(context, &tree.root, &entries, ground_truth, files);
    }
    foldered(context, &tree, split, ground_truth, files)
}

fn foldered(
    context: &Context<'_>,
    tree: &Tree,
    split: ImageNetSplit,
    ground_truth: Option<&Path>,
    files: &mut FileSet,
) -> Result<Vec<u32>, DataError> {
    let truth = ground_truth
        .map(|list| read_truth(context, list))
        .transpose()?;
    let mut by_label = BTreeMap::new();
    for (folder, entries) in &tree.folders {
        let label =
            label_of(folder, split).map_err(|message| context.malformed(&tree.root, message))?;
        if let Some((other, _)) = by_label.insert(label, (folder, entries)) {
            return Err(context.malformed(
                &tree.root,
                format!("expected one folder per class, found `{other}` and `{folder}` for class {label}"),
            ));
        }
    }
    if let Some(subset) = split.subset()
        && let Some((label, (folder, _))) = by_label
            .iter()
            .find(|(label, _)| subset.binary_search(label).is_err())
    {
        return Err(context.malformed(
            &tree.root,
            format!(
                "expected only the {} classes of the set, found folder `{folder}` (class {label})",
                subset.len()
            ),
        ));
    }
    let mut labels = Vec::new();
    for (label, (folder, entries)) in by_label {
        if entries.is_empty() {
            return Err(context.empty(&tree.root.join(folder), "images"));
        }
        if let Some(truth) = &truth {
            compare(entries, label, truth)
                .map_err(|message| context.malformed(&tree.root.join(folder), message))?;
        }
        files.folder(folder);
        entries.iter().for_each(|entry| files.push(entry));
        labels.resize(files.len(), label);
    }
    Ok(labels)
}

/// Whether every file of a class folder belongs there by the list.
fn compare(entries: &[Entry], label: u32, truth: &[u32]) -> Result<(), String> {
    for entry in entries {
        let number = file_number(&entry.name).and_then(|number| number.checked_sub(1));
        let listed = number.and_then(|number| truth.get(number));
        if listed != Some(&label) {
            let class = listed.and_then(|&label| wnid(label)).unwrap_or("no class");
            return Err(format!(
                "expected only files that `ground_truth` lists in this class, found {} ({class})",
                entry.name
            ));
        }
    }
    Ok(())
}

fn label_of(folder: &str, split: ImageNetSplit) -> Result<u32, String> {
    if let Some(label) = class_of(folder) {
        return Ok(label);
    }
    match (folder.parse::<u32>(), split.numbered()) {
        (Ok(number @ 0..1000), true) => Ok(number),
        (Ok(_), false) => Err(format!(
            "expected class folders named by WordNet id, found `{folder}`: numbers from the ILSVRC devkit are in another order"
        )),
        (_, true) => Err(format!(
            "expected class folders 0 to 999 or WordNet ids, found `{folder}`"
        )),
        (_, false) => Err(format!(
            "expected class folders named by WordNet id, found `{folder}`"
        )),
    }
}

/// Files named by number, with their labels in a list: line `n` belongs to file number `n`.
fn flat(
    context: &Context<'_>,
    root: &Path,
    entries: &[Entry],
    ground_truth: Option<&Path>,
    files: &mut FileSet,
) -> Result<Vec<u32>, DataError> {
    if entries.is_empty() {
        return Err(context.empty(root, "class folders or images"));
    }
    let Some(list) = ground_truth else {
        return Err(context.malformed(
            root,
            "expected class folders, or `ground_truth` with the WordNet id of each image, found images in one folder",
        ));
    };
    let truth = read_truth(context, list)?;
    let mut labels = Vec::with_capacity(entries.len());
    for entry in entries {
        let number = file_number(&entry.name)
            .filter(|number| (1..=truth.len()).contains(number))
            .ok_or_else(|| {
                context.malformed(
                    &root.join(&entry.name),
                    format!(
                        "expected a name that ends in a number from 1 to {}",
                        truth.len()
                    ),
                )
            })?;
        files.push(entry);
        labels.push(truth[number - 1]);
    }
    Ok(labels)
}

fn read_truth(context: &Context<'_>, list: &Path) -> Result<Vec<u32>, DataError> {
    let path: PathBuf = context.resolve(list)?;
    let text = String::from_utf8_lossy(&context.read(&path)?).into_owned();
    text.lines()
        .enumerate()
        .map(|(number, line)| {
            class_of(line.trim()).ok_or_else(|| {
                context.malformed(
                    &path,
                    format!(
                        "line {}: expected a WordNet id, found `{line}` (numbers from the ILSVRC devkit are in another order)",
                        number + 1
                    ),
                )
            })
        })
        .collect()
}
