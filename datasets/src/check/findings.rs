//! What one set shows by itself.

use std::collections::BTreeMap;

use super::report::{Report, SetReport, Severity};
use super::scan::Outcome;
use crate::imagenet::class_of;
use crate::source::{Source, SourceConfig};

/// Examples that a message names.
const EXAMPLES: usize = 3;

pub(super) fn report_set(
    config: &SourceConfig,
    source: &dyn Source,
    scan: &[Outcome],
    report: &mut Report,
) {
    let mut counts = BTreeMap::new();
    for &label in source.labels().iter().flatten() {
        *counts.entry(label).or_insert(0_usize) += 1;
    }
    let space = source.space();
    report.sets.push(SetReport {
        name: config.name.clone(),
        kind: config.kind.clone(),
        samples: source.len(),
        scored: source.labels().scored(),
        multi_label: source.labels().iter().filter(|l| l.len() > 1).count(),
        classes: space.classes.len(),
        subset: space.subset.as_ref().map(Vec::len),
        occurring: counts.len(),
        per_class: [
            counts.values().min().copied().unwrap_or(0),
            counts.values().max().copied().unwrap_or(0),
        ],
    });
    let mut find = |severity, code, message| report.find(severity, &config.name, code, message);

    if let Some(passed) = source.passed_over() {
        find(Severity::Warning, "passed-over", passed.to_owned());
    }
    let broken = scan.iter().filter_map(|outcome| match outcome {
        Outcome::Broken(reason) => Some(reason.clone()),
        Outcome::Decoded { .. } => None,
    });
    if let Some(list) = examples(broken) {
        find(Severity::Fault, "unreadable", list);
    }
    let black = scan
        .iter()
        .enumerate()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Decoded { black: true, .. }))
        .map(|(sample, _)| source.id(sample));
    if let Some(list) = examples(black) {
        find(Severity::Warning, "black", list);
    }
    let misplaced = (0..source.len()).filter_map(|sample| misplaced(&source.id(sample)));
    if let Some(list) = examples(misplaced) {
        find(Severity::Fault, "wrong-folder", list);
    }
    if let Some(example) = text_sorted(source) {
        find(Severity::Fault, "text-sorted", example);
    }
    if let Some(subset) = &space.subset {
        let foreign = counts.keys().filter(|l| !subset.contains(l));
        if let Some(list) = examples(foreign.map(u32::to_string)) {
            find(
                Severity::Fault,
                "label-space",
                format!("labels outside the {} of the set: {list}", subset.len()),
            );
        }
    }
    let mut names: Vec<&String> = space.classes.iter().collect();
    names.sort_unstable();
    let twice = names
        .windows(2)
        .filter(|w| w[0] == w[1])
        .map(|w| w[0].clone());
    if let Some(list) = examples(twice) {
        find(Severity::Fault, "class-names", list);
    }
    let mut alike: Vec<(String, &String)> = space.classes.iter().map(|c| (plain(c), c)).collect();
    alike.sort_unstable();
    let alike = alike
        .windows(2)
        .filter(|w| w[0].0 == w[1].0 && w[0].1 != w[1].1);
    if let Some(list) = examples(alike.map(|w| format!("{:?} and {:?}", w[0].1, w[1].1))) {
        find(
            Severity::Warning,
            "class-names",
            format!("names that differ in case or space alone: {list}"),
        );
    }
    if let Some(list) = uneven(&counts, &space.classes) {
        find(Severity::Warning, "uneven", list);
    }
    let possible = space.subset.as_ref().map_or(space.classes.len(), Vec::len);
    if counts.len() < possible {
        find(
            Severity::Note,
            "partial",
            format!("{} of {possible} classes occur", counts.len()),
        );
    }
}

/// The first few, and how many there are in all; nothing when there are none.
fn examples(items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.collect();
    let shown = items
        .iter()
        .take(EXAMPLES)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    match items.len() {
        0 => None,
        n if n <= EXAMPLES => Some(shown),
        n => Some(format!("{shown}; and {} more", n - EXAMPLES)),
    }
}

/// A class name without case and outer space.
fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}

/// A file `n01440764_10.JPEG` belongs into the folder `n01440764`.
fn misplaced(id: &str) -> Option<String> {
    let (folder, file) = id.rsplit_once('/')?;
    let folder = folder.rsplit('/').next().unwrap_or(folder);
    let (own, _) = file.split_once('_')?;
    (class_of(folder).is_some() && class_of(own).is_some() && own != folder).then(|| id.to_owned())
}

/// Folders that are numbers, labelled by their place among the names sorted as text: 0, 1, 10, 100, …
fn text_sorted(source: &dyn Source) -> Option<String> {
    let mut folders = BTreeMap::new();
    for (sample, labels) in source.labels().iter().enumerate() {
        let id = source.id(sample);
        let (folder, _) = id.rsplit_once('/')?;
        let folder = folder.rsplit('/').next().unwrap_or(folder);
        folder.parse::<u32>().ok()?;
        let &[label] = labels else { return None };
        folders.entry(folder.to_owned()).or_insert(label);
    }
    let by_place = folders.values().copied().eq(0..folders.len() as u32);
    let (folder, label) = folders
        .iter()
        .find(|(folder, label)| folder.parse() != Ok(**label))?;
    by_place.then(|| {
        format!(
            "expected folder `{folder}` to hold class {folder}, found class {label}: the names are sorted as text"
        )
    })
}

/// Classes with fewer images where at least nine of ten classes have the same number.
fn uneven(counts: &BTreeMap<u32, usize>, classes: &[String]) -> Option<String> {
    let mut frequency = BTreeMap::new();
    for count in counts.values() {
        *frequency.entry(*count).or_insert(0_usize) += 1;
    }
    let (usual, times) = frequency.into_iter().max_by_key(|(_, times)| *times)?;
    if times == counts.len() || times * 10 < counts.len() * 9 {
        return None;
    }
    let short = counts.iter().filter(|(_, count)| **count < usual);
    examples(short.map(|(label, count)| {
        let name = classes.get(*label as usize).map_or("?", String::as_str);
        format!("{name} has {count} images where {times} classes have {usual}")
    }))
}
