//! Which sets of a benchmark are made of the same images.

use ssl_datasets::source::Source;
use std::collections::HashMap;
use std::sync::Arc;

/// What tells a set's images from those of others.
pub(super) struct Identity {
    /// The ids of its samples.
    pub ids: Vec<String>,
    /// Digest of the images' contents; empty where nothing depends on it.
    pub content: String,
    /// The place of the first set made of the same images, where it is another one.
    pub first: Option<usize>,
}

/// The identities of sets, in their order. Contents are read of sets that share all names of their images with another
/// set, or of every set where `all` says so.
pub(super) fn identities(
    sources: &[&Arc<dyn Source>],
    all: bool,
    mut content: impl FnMut(&dyn Source) -> String,
) -> Vec<Identity> {
    let ids: Vec<Vec<String>> = sources.iter().map(|source| ids(source.as_ref())).collect();
    let contents: Vec<String> = sources
        .iter()
        .zip(&ids)
        .map(|(source, own)| {
            let namesakes = ids.iter().filter(|other| *other == own).count() > 1;
            if namesakes || all {
                content(source.as_ref())
            } else {
                String::new()
            }
        })
        .collect();
    let mut known: HashMap<(&[String], &str), usize> = HashMap::new();
    let firsts: Vec<Option<usize>> = ids
        .iter()
        .zip(&contents)
        .enumerate()
        .map(|(at, (ids, content))| {
            let first = *known.entry((ids, content)).or_insert(at);
            (first != at).then_some(first)
        })
        .collect();
    ids.into_iter()
        .zip(contents)
        .zip(firsts)
        .map(|((ids, content), first)| Identity {
            ids,
            content,
            first,
        })
        .collect()
}

fn ids(source: &dyn Source) -> Vec<String> {
    (0..source.len()).map(|index| source.id(index)).collect()
}
