//! What the cells of a table were computed from and with, where that bears on their comparison.

use super::cells::Done;
use std::collections::{BTreeMap, BTreeSet};

/// What a reader must know: images that only some rows left out, test images that are training images,
/// different numbers of threads.
pub(super) fn notes(cells: &[&Done]) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(left_out(cells));
    notes.extend(train_images(cells));
    notes.extend(threads(cells));
    notes
}

/// The names of the cells of each kind, by `kind`; kinds in their order.
fn by<'a, K: Ord>(cells: &[&'a Done], kind: impl Fn(&'a Done) -> K) -> BTreeMap<K, Vec<String>> {
    let mut groups: BTreeMap<K, Vec<String>> = BTreeMap::new();
    for cell in cells {
        groups.entry(kind(cell)).or_default().push(cell.0.name());
    }
    groups
}

fn left_out(cells: &[&Done]) -> Option<String> {
    let groups = by(cells, |(_, record)| record.data.ids_left_out());
    let describe = |sets: &BTreeMap<Option<&str>, Vec<&str>>| {
        let parts: Vec<String> = sets
            .iter()
            .map(|(set, ids)| {
                let set = set.unwrap_or("the training set");
                format!("{} of {set} ({})", ids.len(), some(ids))
            })
            .collect();
        match parts[..] {
            [] => "none".to_owned(),
            _ => parts.join(", "),
        }
    };
    match groups.len() {
        0 => None,
        1 => {
            let (sets, _) = groups.first_key_value()?;
            (!sets.is_empty()).then(|| {
                format!(
                    "Images that cannot be read are left out of every row: {}.",
                    describe(sets)
                )
            })
        }
        _ => {
            let parts: Vec<String> = groups
                .iter()
                .map(|(sets, names)| format!("{} without {}", names.join(", "), describe(sets)))
                .collect();
            Some(format!(
                "The rows are not comparable: they leave out different images ({}). Compute them again on the same \
                 images.",
                parts.join("; ")
            ))
        }
    }
}

fn train_images(cells: &[&Done]) -> Vec<String> {
    let mut sets: BTreeMap<&str, (usize, usize, &str)> = BTreeMap::new();
    for (_, record) in cells {
        for (set, found) in &record.data.train_images {
            let example = found.examples.first().map_or("", |pair| pair[1].as_str());
            sets.insert(set, (found.count, found.of, example));
        }
    }
    sets.into_iter()
        .map(|(set, (count, of, example))| {
            format!("{count} of {of} images of {set} are training images too, such as {example}; its scores are too high.")
        })
        .collect()
}

fn threads(cells: &[&Done]) -> Option<String> {
    let groups = by(cells, |(_, record)| &record.threads);
    let known: BTreeSet<usize> = groups.keys().flat_map(|k| k.iter().copied()).collect();
    (known.len() > 1).then(|| {
        let parts: Vec<String> = groups
            .iter()
            .map(|(threads, names)| {
                let threads: Vec<String> = threads.iter().map(usize::to_string).collect();
                let threads = if threads.is_empty() {
                    "unknown".to_owned()
                } else {
                    threads.join(" and ")
                };
                format!("{threads}: {}", names.join(", "))
            })
            .collect();
        format!(
            "The cells were computed with different numbers of threads, which changes scores as another seed would ({}).",
            parts.join("; ")
        )
    })
}

/// The first few names.
fn some(ids: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown = ids[..ids.len().min(SHOWN)].join(", ");
    match ids.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
