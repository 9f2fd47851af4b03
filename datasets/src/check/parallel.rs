//! Something done with every sample of a set, by several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::source::Scratch;

/// Samples that a worker takes at once.
const PART: usize = 64;

/// What `look` says of each of `count` samples, in their order; `workers` threads, 0 for one per
/// processor.
pub(super) fn map<T: Send>(
    count: usize,
    workers: usize,
    look: impl Fn(usize, &mut Scratch) -> T + Sync,
) -> Vec<T> {
    let workers = match workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    let next = AtomicUsize::new(0);
    let parts = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers.min(count.div_ceil(PART)) {
            scope.spawn(|| {
                let mut scratch = Scratch::default();
                loop {
                    let start = next.fetch_add(PART, Ordering::Relaxed);
                    if start >= count {
                        return;
                    }
                    let part: Vec<T> = (start..count.min(start + PART))
                        .map(|sample| look(sample, &mut scratch))
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
