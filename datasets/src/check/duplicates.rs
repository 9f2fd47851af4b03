//! Equal images, within a set and between sets.

use std::collections::HashMap;

use super::Scanned;
use super::report::{Duplicate, Place, Report, Severity};
use super::scan::Outcome;

/// Pairs that are listed one by one; more are only counted.
const LISTED: usize = 20;

/// Equal images of two sets, or within one.
#[derive(Default)]
struct Found {
    count: usize,
    /// The first of them.
    listed: Vec<Duplicate>,
}

pub(super) fn report(sets: &[Scanned], report: &mut Report) {
    let mut first_seen: HashMap<[u8; 16], (usize, usize)> = HashMap::new();
    let mut found: HashMap<(usize, usize), Found> = HashMap::new();
    for (set, scanned) in sets.iter().enumerate() {
        for (sample, outcome) in scanned.images.iter().enumerate() {
            let Outcome::Decoded { hash, black: false } = outcome else {
                continue;
            };
            let Some(&first) = first_seen.get(hash) else {
                first_seen.insert(*hash, (set, sample));
                continue;
            };
            let second = (set, sample);
            // Two test sets may be the same images on purpose, with other labels (ReaL).
            let apart = first.0 != set && !sets[first.0].train;
            if apart && place(sets, first).id == place(sets, second).id {
                continue;
            }
            let pair = found.entry((first.0, set)).or_default();
            pair.count += 1;
            if pair.listed.len() < LISTED {
                pair.listed.push(Duplicate {
                    first: place(sets, first),
                    second: place(sets, second),
                    same_label: share_label(sets, first, second),
                });
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_unstable_by_key(|(pair, _)| *pair);
    for ((a, b), pair) in found {
        tell(&sets[a], &sets[b], &pair, report);
        report.duplicates.extend(pair.listed);
    }
}

/// Enters the equal images of two sets, or of one, into the report.
fn tell(a: &Scanned, b: &Scanned, found: &Found, report: &mut Report) {
    let Some(pair) = found.listed.first() else {
        return;
    };
    let labels = if pair.same_label {
        "the same label"
    } else {
        "different labels"
    };
    let example = format!(
        "such as {} and {} ({labels})",
        pair.first.id, pair.second.id
    );
    let (count, all) = (found.count, b.images.len());
    if !a.train || b.train {
        let message = format!(
            "{count} equal images in {} and {}, {example}",
            a.name, b.name
        );
        report.find(Severity::Warning, &b.name, "duplicate", message);
        return;
    }
    let severity = if count == all {
        Severity::Fault
    } else {
        Severity::Warning
    };
    let message = format!("{count} of {all} images are in {} too, {example}", a.name);
    report.find(severity, &b.name, "train-images", message);
}

fn place(sets: &[Scanned], (set, sample): (usize, usize)) -> Place {
    Place {
        set: sets[set].name.clone(),
        id: sets[set].source.id(sample),
    }
}

/// Whether two samples have a class in common, by name.
fn share_label(sets: &[Scanned], first: (usize, usize), second: (usize, usize)) -> bool {
    let names = |(set, sample): (usize, usize)| -> Vec<&String> {
        let source = &sets[set].source;
        let labels = source.labels().of(sample).iter();
        labels
            .filter_map(|&l| source.space().classes.get(l as usize))
            .collect()
    };
    let second = names(second);
    names(first).iter().any(|name| second.contains(name))
}
