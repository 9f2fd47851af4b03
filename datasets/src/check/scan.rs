//! Decoding every image of a set.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use crate::source::{Scratch, Source};

/// What became of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The first half of the SHA-256 of its size and pixels, and whether it is all black.
    Decoded { hash: [u8; 16], black: bool },
    /// What the decoder says.
    Broken(String),
}

/// Brightest value of an image that counts as black: JPEG leaves a step or two.
const BLACK: u8 = 3;
/// Samples that a worker takes at once.
const PART: usize = 64;

/// Decodes every image; the outcomes are in order of the samples.
pub(super) fn scan(source: &dyn Source, workers: usize) -> Vec<Outcome> {
    let workers = match workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    let next = AtomicUsize::new(0);
    let parts = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut scratch = Scratch::default();
                loop {
                    let start = next.fetch_add(PART, Ordering::Relaxed);
                    if start >= source.len() {
                        return;
                    }
                    let part: Vec<Outcome> = (start..source.len().min(start + PART))
                        .map(|sample| look(source, sample, &mut scratch))
                        .collect();
                    if let Ok(mut parts) = parts.lock() {
                        parts.push((start, part));
                    }
                }
            });
        }
    });
    let mut parts = parts.into_inner().unwrap_or_default();
    parts.sort_by_key(|(start, _)| *start);
    parts.into_iter().flat_map(|(_, part)| part).collect()
}

fn look(source: &dyn Source, sample: usize, scratch: &mut Scratch) -> Outcome {
    match source.image(sample, scratch) {
        Err(error) => Outcome::Broken(error.to_string()),
        Ok(image) => {
            let mut hasher = Sha256::new();
            hasher.update((image.width as u64).to_le_bytes());
            hasher.update((image.height as u64).to_le_bytes());
            hasher.update(image.data);
            let mut hash = [0; 16];
            hash.copy_from_slice(&hasher.finalize()[..16]);
            Outcome::Decoded {
                hash,
                black: image.data.iter().all(|&value| value <= BLACK),
            }
        }
    }
}
