//! Images of test sets that are training images as well.
//!
//! Two images count as equal when the bytes are that they are stored as: of their files, or of their
//! pixels where a set holds these in memory. An image that was encoded again is not found; a
//! [`check`](super::check) compares pixels.
//!
//! Sizes are compared first. Of images with a size that occurs on both sides the first 4 KiB are read,
//! and the rest only where these agree as well. For ImageNet with five test sets that is 1.4 million
//! sizes, and as many reads of 4 KiB at most: a twenty-fifth of what an epoch reads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::parallel;
use crate::DataError;
use crate::source::{Scratch, Source};

/// Bytes that are read of every image with a size that occurs on both sides.
const HEAD: usize = 4096;

/// An image of a test set and the training image that it equals, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The training image; of several the first.
    pub train: usize,
    /// The image of the test set.
    pub test: usize,
}

/// For each test set its images that are training images too, in order.
///
/// # Errors
/// [`DataError::Read`] for a file that cannot be read.
pub fn overlaps(
    train: &dyn Source,
    tests: &[Arc<dyn Source>],
    workers: usize,
) -> Result<Vec<Vec<Pair>>, DataError> {
    let lengths = |source: &dyn Source| -> Result<Vec<u64>, DataError> {
        let each = parallel::map(source.len(), workers, |sample, scratch| {
            source.stored_len(sample, scratch)
        });
        each.into_iter().collect()
    };
    let of_train = lengths(train)?;
    let of_tests = tests
        .iter()
        .map(|test| lengths(test.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let wanted: HashSet<u64> = of_tests.iter().flatten().copied().collect();
    let candidates: Vec<usize> = (0..of_train.len())
        .filter(|&sample| wanted.contains(&of_train[sample]))
        .collect();
    let heads = digests(train, &candidates, HEAD, workers)?;
    let mut known: HashMap<(u64, Hash), Vec<usize>> = HashMap::new();
    for (&sample, head) in candidates.iter().zip(heads) {
        known
            .entry((of_train[sample], head))
            .or_default()
            .push(sample);
    }
    let there: HashSet<u64> = candidates.iter().map(|&sample| of_train[sample]).collect();
    let mut whole = Whole {
        train,
        known: HashMap::new(),
    };
    tests
        .iter()
        .zip(&of_tests)
        .map(|(test, lengths)| {
            let asked: Vec<usize> = (0..lengths.len())
                .filter(|&sample| there.contains(&lengths[sample]))
                .collect();
            let heads = digests(test.as_ref(), &asked, HEAD, workers)?;
            let mut pairs = Vec::new();
            for (&sample, head) in asked.iter().zip(heads) {
                let length = lengths[sample];
                let Some(alike) = known.get(&(length, head)) else {
                    continue;
                };
                if let Some(train) = whole.equal(alike, test.as_ref(), sample, length)? {
                    pairs.push(Pair {
                        train,
                        test: sample,
                    });
                }
            }
            Ok(pairs)
        })
        .collect()
}

type Hash = [u8; 16];

fn digests(
    source: &dyn Source,
    samples: &[usize],
    most: usize,
    workers: usize,
) -> Result<Vec<Hash>, DataError> {
    let each = parallel::map(samples.len(), workers, |at, scratch| {
        digest(source, samples[at], most, scratch)
    });
    each.into_iter().collect()
}

fn digest(
    source: &dyn Source,
    sample: usize,
    most: usize,
    scratch: &mut Scratch,
) -> Result<Hash, DataError> {
    let bytes = source.stored(sample, most, scratch)?;
    let mut hash = Hash::default();
    hash.copy_from_slice(&Sha256::digest(bytes)[..16]);
    Ok(hash)
}

/// Hashes of whole training images, each computed once.
struct Whole<'a> {
    train: &'a dyn Source,
    known: HashMap<usize, Hash>,
}

impl Whole<'_> {
    /// The first of the training images `alike` that equals the sample of `test`.
    fn equal(
        &mut self,
        alike: &[usize],
        test: &dyn Source,
        sample: usize,
        length: u64,
    ) -> Result<Option<usize>, DataError> {
        if length <= HEAD as u64 {
            return Ok(alike.first().copied());
        }
        let mut scratch = Scratch::default();
        let own = digest(test, sample, usize::MAX, &mut scratch)?;
        for &candidate in alike {
            let hash = match self.known.get(&candidate) {
                Some(&hash) => hash,
                None => {
                    let hash = digest(self.train, candidate, usize::MAX, &mut scratch)?;
                    self.known.insert(candidate, hash);
                    hash
                }
            };
            if hash == own {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}
