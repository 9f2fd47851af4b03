//! Per-image outcomes of a table, aligned by sample.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::SourceError;
use crate::checksum;
use crate::evaluate::predictions::{Flags, Group, Ids, read_flags, read_scored};
use ssl_aggregate::{Member, PairedOutcomes, Table};
use ssl_report::ReportError;

/// Where the predictions of one cell of the table are.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) member: Member,
    pub(super) framework: String,
    pub(super) data_set: String,
    pub(super) path: PathBuf,
    pub(super) group: Group,
    /// The cell whose record this is from.
    pub(super) cell: String,
    /// Right answers and images by the record.
    pub(super) counts: (u64, u64),
    /// Digest of the file by the record; `None` in older ones.
    pub(super) digest: Option<String>,
}

/// Sample ids of one cell that are scored, in file order, and their outcomes.
type Scored = (Ids, Vec<bool>);

/// Outcomes by data set, `None` where a file is missing or the samples differ, and notes on both.
///
/// # Errors
/// [`SourceError::Evaluate`] for a file that is there and cannot be read, [`SourceError::Predictions`]
/// for one that is not the record's.
pub(super) fn read(
    table: &Table,
    sources: &[Source],
) -> Result<(Vec<Option<PairedOutcomes>>, Vec<String>), SourceError> {
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
        let read = on_all_cores(&of_set, is_of_its_record).and_then(|_| read_aligned(&of_set));
        let aligned = match read {
            Ok(aligned) => aligned,
            Err(error) => {
                let note = format!(
                    "Predictions on {} cannot be used, so its tests are unpaired: {error}.",
                    data_set.name
                );
                tracing::warn!("{note}");
                notes.push(note);
                all.push(None);
                continue;
            }
        };
        if aligned.is_none() {
            notes.push(format!(
                "Samples of {} differ between frameworks; its tests are unpaired.",
                data_set.name
            ));
        }
        let outcomes = aligned.and_then(|aligned| {
            let outcomes = of_set.iter().zip(&aligned);
            PairedOutcomes::of_runs(
                outcomes
                    .map(|(source, bits)| (source.member, source.framework.as_str(), &bits[..])),
            )
            .ok()
        });
        all.push(outcomes);
    }
    share_images(table, sources, &mut all)?;
    Ok((all, notes))
}

/// Numbers the images of data sets that are made of the same ones, by sample id.
fn share_images(
    table: &Table,
    sources: &[Source],
    outcomes: &mut [Option<PairedOutcomes>],
) -> Result<(), SourceError> {
    let mut numbers: HashMap<usize, HashMap<String, u32>> = HashMap::new();
    for (set, slot) in outcomes.iter_mut().enumerate() {
        let same = table.same_images(set);
        let name = &table.data_sets()[set].name;
        // All files of a set have the order of the first.
        let Some(first) = sources.iter().find(|source| source.data_set == *name) else {
            continue;
        };
        if same.len() < 2 {
            continue;
        }
        let Some(own) = slot.take() else {
            continue;
        };
        let (ids, _) = read_scored(&first.path, &first.group).map_err(SourceError::Evaluate)?;
        let numbers = numbers.entry(same[0]).or_default();
        let mut number = |id: &str| {
            let next = numbers.len() as u32;
            *numbers.entry(id.to_owned()).or_insert(next)
        };
        *slot = own.identified(ids.iter().map(&mut number).collect()).ok();
    }
    Ok(())
}

/// Refuses a file that is not the one that the record was written with.
fn is_of_its_record(source: &Source) -> Result<(), SourceError> {
    let Some(expected) = &source.digest else {
        return Ok(());
    };
    let found = checksum::of_file(&source.path).map_err(|error| ReportError::Read {
        path: source.path.clone(),
        source: error,
    })?;
    if found == *expected {
        return Ok(());
    }
    Err(source.foreign(
        format!(
            "the predictions that its record names ({})",
            short(expected)
        ),
        format!("another file ({})", short(&found)),
    ))
}

/// Refuses predictions that do not give the record's counts.
fn counts_agree(source: &Source, flags: &Flags) -> Result<(), SourceError> {
    let scored = flags.correct.iter().flatten();
    let found = (
        scored.clone().filter(|&&correct| correct).count() as u64,
        scored.count() as u64,
    );
    if found == source.counts {
        return Ok(());
    }
    let of = |(correct, n): (u64, u64)| format!("{correct} of {n} right");
    Err(source.foreign(format!("{} as in its record", of(source.counts)), of(found)))
}

fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

impl Source {
    fn foreign(&self, expected: String, found: String) -> SourceError {
        SourceError::Predictions {
            cell: self.cell.clone(),
            expected,
            found,
            path: self.path.clone(),
        }
    }
}

/// Outcomes of the scored samples in one order; `None` if the samples are not the same. Their ids are read only
/// where the files do not say themselves that they have the same.
fn read_aligned(sources: &[&Source]) -> Result<Option<Vec<Vec<bool>>>, SourceError> {
    let flags = on_all_cores(sources, |source| {
        let flags = read_flags(&source.path, &source.group).map_err(SourceError::Evaluate)?;
        counts_agree(source, &flags)?;
        Ok(flags)
    })?;
    let same = |pair: &[Flags]| pair[0].samples == pair[1].samples;
    if flags.iter().all(|it| it.samples.is_some()) && flags.windows(2).all(same) {
        return Ok(drop_unscored(&flags));
    }
    let scored = on_all_cores(sources, |source| {
        read_scored(&source.path, &source.group).map_err(SourceError::Evaluate)
    })?;
    Ok(align(&scored))
}

/// Outcomes of the scored among the same samples; `None` if others are scored in some file.
fn drop_unscored(flags: &[Flags]) -> Option<Vec<Vec<bool>>> {
    let scored = |it: &Flags| it.correct.iter().map(Option::is_some).collect::<Vec<_>>();
    let masks = flags.iter().map(scored).collect::<Vec<_>>();
    let same = masks.windows(2).all(|pair| pair[0] == pair[1]);
    same.then(|| {
        flags
            .iter()
            .map(|it| it.correct.iter().flatten().copied().collect())
            .collect()
    })
}

/// Reads the files on all cores.
fn on_all_cores<T: Send>(
    sources: &[&Source],
    read: impl Fn(&Source) -> Result<T, SourceError> + Sync,
) -> Result<Vec<T>, SourceError> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<T, SourceError>>>> =
        sources.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(index) else {
                return;
            };
            let read = read(source);
            if let Ok(mut result) = results[index].lock() {
                *result = Some(read);
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
    fn paired_predictions_are_aligned_by_sample() {
        let first = scored(&[("a", true), ("b", false), ("c", true)]);
        let shuffled = scored(&[("c", false), ("a", true), ("b", true)]);
        let expected = vec![vec![true, false, true], vec![true, true, false]];
        assert_eq!(align(&[first.clone(), shuffled]), Some(expected));
        let other = scored(&[("a", true), ("b", false), ("d", true)]);
        assert_eq!(align(&[first.clone(), other]), None);
        let flags = |samples: &str, correct: &[Option<bool>]| Flags {
            samples: Some(samples.to_owned()),
            correct: correct.to_vec(),
        };
        let one = flags("a", &[Some(true), None, Some(false)]);
        let two = flags("a", &[Some(false), None, Some(false)]);
        let expected = vec![vec![true, false], vec![false, false]];
        assert_eq!(drop_unscored(&[one.clone(), two]), Some(expected));
        let other = flags("a", &[None, Some(true), Some(false)]);
        assert_eq!(drop_unscored(&[one, other]), None);
        let repeated = scored(&[("a", true), ("b", false), ("b", true)]);
        assert_eq!(align(&[first, repeated]), None);
    }
}
