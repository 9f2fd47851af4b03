//! Decoding every image of a set.

use sha2::{Digest, Sha256};

use super::parallel;
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

/// Decodes every image; the outcomes are in order of the samples.
pub(super) fn scan(source: &dyn Source, workers: usize) -> Vec<Outcome> {
    parallel::map(source.len(), workers, |sample, scratch| {
        look(source, sample, scratch)
    })
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
