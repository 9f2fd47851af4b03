//! Per-image outcomes of a table, aligned by sample.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::aggregate::{PairedOutcomes, Table};
use crate::evaluate::predictions::{Group, Ids, read_scored};
use crate::report::ReportError;

/// Where the predictions of one cell of the table are.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) framework: String,
    pub(super) data_set: String,
    pub(super) path: PathBuf,
    pub(super) group: Group,
}

/// Sample ids of one cell that are scored, in file order, and their outcomes.
type Scored = (Ids, Vec<bool>);

/// Outcomes by data set, `None` where a file is missing or the samples differ, and notes on both.
///
/// # Errors
/// [`ReportError::Evaluate`] for a file that is there and cannot be read.
pub(super) fn read(
    table: &Table,
    sources: &[Source],
) -> Result<(Vec<Option<PairedOutcomes>>, Vec<String>), ReportError> {
    let mut notes = Vec::new();
    let mut all = Vec::new();
    for data_set in table.data_sets() {
        let of_set: Vec<&Source> = sources
            .iter()
            .filter(|source| source.data_set == data_set.name)
            .collect();
        if of_set.iter().any(|source| !source.path.exists()) {
            notes.push(format!(
                "Predictions on {} are missing; its tests are unpaired.",
                data_set.name
            ));
            all.push(None);
            continue;
        }
        let scored = read_all(&of_set)?;
        let aligned = align(&scored);
        if aligned.is_none() {
            notes.push(format!(
                "Samples of {} differ between frameworks; its tests are unpaired.",
                data_set.name
            ));
        }
        let rows = of_set.iter().map(|source| {
            table
                .frameworks()
                .iter()
                .position(|name| *name == source.framework)
        });
        all.push(aligned.and_then(|aligned| {
            let rows: Vec<usize> = rows.collect::<Option<_>>()?;
            let outcomes = rows.iter().zip(&of_set).zip(&aligned);
            PairedOutcomes::try_new(
                outcomes.map(|((&row, source), bits)| (row, source.framework.as_str(), &bits[..])),
            )
            .ok()
        }));
    }
    Ok((all, notes))
}

/// Reads the files on all cores.
fn read_all(sources: &[&Source]) -> Result<Vec<Scored>, ReportError> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Scored, ReportError>>>> =
        sources.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(index) else {
                return;
            };
            let scored = read_scored(&source.path, &source.group).map_err(ReportError::Evaluate);
            if let Ok(mut result) = results[index].lock() {
                *result = Some(scored);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    results
        .into_iter()
        .filter_map(|result| result.into_inner().ok().flatten())
        .collect()
}

/// Outcomes in the order of the first list; `None` if the samples are not the same.
fn align(scored: &[Scored]) -> Option<Vec<Vec<bool>>> {
    let (ids, _) = scored.first()?;
    let mut places: Option<HashMap<&str, usize>> = None;
    let one = |(own, outcomes): &Scored| {
        if own == ids {
            return Some(outcomes.clone());
        }
        if own.len() != ids.len() {
            return None;
        }
        let places = places.get_or_insert_with(|| {
            ids.iter()
                .enumerate()
                .map(|(place, id)| (id, place))
                .collect()
        });
        let mut aligned: Vec<Option<bool>> = vec![None; ids.len()];
        for (id, &outcome) in own.iter().zip(outcomes) {
            aligned[*places.get(id)?] = Some(outcome);
        }
        aligned.into_iter().collect()
    };
    scored.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(pairs: &[(&str, bool)]) -> Scored {
        let mut ids = Ids::default();
        pairs.iter().for_each(|(id, _)| ids.push(id));
        (ids, pairs.iter().map(|(_, correct)| *correct).collect())
    }

    #[test]
    fn outcomes_follow_their_samples() {
        let first = scored(&[("a", true), ("b", false), ("c", true)]);
        let shuffled = scored(&[("c", false), ("a", true), ("b", true)]);
        let expected = vec![vec![true, false, true], vec![true, true, false]];
        assert_eq!(align(&[first.clone(), shuffled]), Some(expected));
        let other = scored(&[("a", true), ("b", false), ("d", true)]);
        assert_eq!(align(&[first.clone(), other]), None);
        let repeated = scored(&[("a", true), ("b", false), ("b", true)]);
        assert_eq!(align(&[first, repeated]), None);
    }
}
