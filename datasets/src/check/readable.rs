//! Images that cannot be used, found before anything is computed.

use crate::DataError;
use crate::source::Source;

use super::parallel;

/// An image that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its number in the set.
    pub index: usize,
    /// Its id.
    pub id: String,
    /// What is wrong, with its name, in one line.
    pub reason: String,
}

/// The images that cannot be decoded. Every file is read and decoded whole, by `workers` threads, 0 for
/// one per processor.
#[must_use]
pub fn undecodable(source: &dyn Source, workers: usize) -> Vec<Broken> {
    let found = parallel::map(source.len(), workers, |sample, scratch| {
        source.image(sample, scratch).map(drop)
    });
    broken(source, found)
}

/// The images whose file is missing or empty. Nothing is read.
#[must_use]
pub fn absent(source: &dyn Source, workers: usize) -> Vec<Broken> {
    let found = parallel::map(source.len(), workers, |sample, scratch| {
        match source.stored_len(sample, scratch)? {
            0 => Err(DataError::BrokenImage {
                id: source.id(sample),
                reason: "expected an image, found an empty file".to_owned(),
            }),
            _ => Ok(()),
        }
    });
    broken(source, found)
}

fn broken(source: &dyn Source, found: Vec<Result<(), DataError>>) -> Vec<Broken> {
    let set = format!("{}: ", source.name());
    let found = found.into_iter().enumerate();
    found
        .filter_map(|(index, result)| {
            let reason = result.err()?.to_string();
            // Some decoders end with a line break, and whoever reads this knows the set.
            let line = reason.lines().collect::<Vec<_>>().join(" ");
            Some(Broken {
                index,
                id: source.id(index),
                reason: line.strip_prefix(&set).unwrap_or(&line).to_owned(),
            })
        })
        .collect()
}
