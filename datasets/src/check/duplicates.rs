//! Equal images, within a set and between sets.

use std::collections::HashMap;
use std::sync::Arc;

use super::report::{Duplicate, Place, Report, Severity};
use super::scan::Outcome;
use crate::source::Source;

type Scanned = (String, Arc<dyn Source>, Vec<Outcome>);

/// Pairs that are listed one by one; more are only counted.
const LISTED: usize = 20;

pub(super) fn report(sets: &[Scanned], report: &mut Report) {
    let mut first_seen: HashMap<[u8; 16], (usize, usize)> = HashMap::new();
    let mut counted: HashMap<(usize, usize), usize> = HashMap::new();
    for (set, (_, _, scan)) in sets.iter().enumerate() {
        for (sample, outcome) in scan.iter().enumerate() {
            let Outcome::Decoded { hash, black: false } = outcome else {
                continue;
            };
            let Some(&first) = first_seen.get(hash) else {
                first_seen.insert(*hash, (set, sample));
                continue;
            };
            let second = (set, sample);
            let same_label = share_label(sets, first, second);
            // Two test sets may be the same images on purpose, with other labels (ReaL).
            if first.0 != second.0 && place(sets, first).id == place(sets, second).id {
                continue;
            }
            let count = counted.entry((first.0, second.0)).or_insert(0);
            *count += 1;
            if *count <= LISTED {
                report.duplicates.push(Duplicate {
                    first: place(sets, first),
                    second: place(sets, second),
                    same_label,
                });
            }
        }
    }
    let mut counted: Vec<_> = counted.into_iter().collect();
    counted.sort_unstable();
    for ((a, b), count) in counted {
        let (a, b) = (&sets[a].0, &sets[b].0);
        let pair = report
            .duplicates
            .iter()
            .find(|d| &d.first.set == a && &d.second.set == b);
        let Some(pair) = pair else { continue };
        let labels = if pair.same_label {
            "the same label"
        } else {
            "different labels"
        };
        let message = format!(
            "{count} equal images in {a} and {b}, such as {} and {} ({labels})",
            pair.first.id, pair.second.id
        );
        report.find(Severity::Warning, b, "duplicate", message);
    }
}

fn place(sets: &[Scanned], (set, sample): (usize, usize)) -> Place {
    Place {
        set: sets[set].0.clone(),
        id: sets[set].1.id(sample),
    }
}

/// Whether two samples have a class in common, by name.
fn share_label(sets: &[Scanned], first: (usize, usize), second: (usize, usize)) -> bool {
    let names = |(set, sample): (usize, usize)| -> Vec<&String> {
        let source = &sets[set].1;
        let labels = source.labels().of(sample).iter();
        labels
            .filter_map(|&l| source.space().classes.get(l as usize))
            .collect()
    };
    let second = names(second);
    names(first).iter().any(|name| second.contains(name))
}
