//! What the images of a source are made of, as a digest: names alone do not tell whether pixels are
//! the same.

use std::num::NonZero;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Scratch, Source};

/// Samples that are read between two calls of `seen`.
const BLOCK: usize = 4096;
/// Files may change again within one tick of the file system's clock; this is longer than any.
const SETTLED: Duration = Duration::from_secs(2);

/// BLAKE3 digest over the stored bytes of every sample in order ([`Source::stored`]), in
/// hexadecimal; `seen` hears how many samples were read. A sample that cannot be read counts as
/// such: what is done about it is decided where it is decoded.
pub fn content(source: &dyn Source, workers: usize, seen: &mut dyn FnMut(usize)) -> String {
    let mut all = blake3::Hasher::new();
    for first in (0..source.len()).step_by(BLOCK) {
        let end = source.len().min(first + BLOCK);
        for digest in digests(source, first..end, workers) {
            all.update(&digest);
        }
        seen(end);
    }
    all.finalize().to_hex().to_string()
}

fn digests(source: &dyn Source, samples: std::ops::Range<usize>, workers: usize) -> Vec<[u8; 32]> {
    let workers = NonZero::new(workers).map_or(1, NonZero::get);
    let next = AtomicUsize::new(samples.start);
    let work = || {
        let mut scratch = Scratch::default();
        let mut own = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= samples.end {
                return own;
            }
            let digest = match source.stored(index, usize::MAX, &mut scratch) {
                Ok(bytes) => *blake3::hash(bytes).as_bytes(),
                Err(_) => [0; 32],
            };
            own.push((index, digest));
        }
    };
    let mut found = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for other in others {
            match other.join() {
                Ok(own) => found.extend(own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        found
    });
    found.sort_unstable_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, digest)| digest).collect()
}

/// What the file system says of a source's files, as a digest over place, size and times of each:
/// while it stays the same, so does the [`content`]. `None` where the source holds its images, a
/// file cannot be looked at, or one was changed so lately that a further change might not show.
#[must_use]
pub fn version(source: &dyn Source) -> Option<String> {
    let mut all = blake3::Hasher::new();
    let mut newest = UNIX_EPOCH;
    for index in 0..source.len() {
        let about = source.metadata(index)?;
        // The time of change is set by the system alone, whatever sets the other one back.
        let numbers = [
            about.dev() as i64,
            about.ino() as i64,
            about.size() as i64,
            about.mtime(),
            about.mtime_nsec(),
            about.ctime(),
            about.ctime_nsec(),
        ];
        numbers.iter().for_each(|number| {
            all.update(&number.to_le_bytes());
        });
        let changed = Duration::new(about.ctime().max(0) as u64, about.ctime_nsec() as u32);
        newest = newest.max(UNIX_EPOCH + changed);
        all.update(source.id(index).as_bytes());
    }
    let age = SystemTime::now().duration_since(newest).ok()?;
    (age > SETTLED).then(|| all.finalize().to_hex().to_string())
}
