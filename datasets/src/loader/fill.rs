//! Filling one batch, on one thread or several.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ViewBuffer;
use super::order::Order;
use crate::DataError;
use crate::source::{Scratch, Source};
use crate::views::{Drawn, RenderScratch, ViewKey, ViewPlan};

/// Images that were rendered in this process.
static LOADED: AtomicU64 = AtomicU64::new(0);

/// How many images loaders of this process have rendered so far, each counted as often as it was.
#[must_use]
pub fn images_loaded() -> u64 {
    LOADED.load(Ordering::Relaxed)
}

/// What every batch of an epoch is made from.
pub(super) struct Recipe<'a> {
    pub source: &'a dyn Source,
    pub plan: &'a ViewPlan,
    pub order: &'a Order,
    pub seed: u64,
    pub epoch: u32,
    /// Whether steps are left to the consumer.
    pub defer: bool,
}

/// Buffers of one worker.
#[derive(Default)]
pub(super) struct WorkerScratch {
    source: Scratch,
    render: RenderScratch,
}

/// Some consecutive samples of the batch, with the parts of the view buffers that belong to them.
struct Part<'a> {
    /// Place in the batch of the first sample.
    offset: usize,
    count: usize,
    views: Vec<&'a mut [f32]>,
    /// Beside `views` where steps are left to the consumer, else empty.
    later: Vec<&'a mut [Drawn]>,
}

/// Hands out the parts of a batch, one after the other.
struct Parts<'a> {
    views: Vec<Samples<'a, f32>>,
    later: Vec<Samples<'a, Drawn>>,
    next: usize,
    count: usize,
    workers: usize,
}

/// What is left of a buffer, with so many values for each sample.
struct Samples<'a, T> {
    left: &'a mut [T],
    each: usize,
}

impl<'a, T> Samples<'a, T> {
    fn take(&mut self, count: usize) -> &'a mut [T] {
        let (taken, left) = std::mem::take(&mut self.left).split_at_mut(count * self.each);
        self.left = left;
        taken
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    /// Parts get smaller, down to one sample, so that the workers finish together; large ones at first
    /// save locking and allocation.
    fn next(&mut self) -> Option<Part<'a>> {
        let left = self.count - self.next;
        if left == 0 {
            return None;
        }
        let count = match self.workers {
            1 => left,
            workers => (left / (2 * workers)).max(1),
        };
        let offset = self.next;
        self.next += count;
        Some(Part {
            offset,
            count,
            views: self.views.iter_mut().map(|v| v.take(count)).collect(),
            later: self.later.iter_mut().map(|l| l.take(count)).collect(),
        })
    }
}

/// Renders the samples at `places` of the order into `views`, which already have the right length.
/// Returns the faults by place in the batch, ascending.
///
/// # Errors
/// [`DataError::WorkerPanicked`].
pub(super) fn fill(
    recipe: &Recipe<'_>,
    places: Range<usize>,
    views: &mut [ViewBuffer],
    workers: &mut [WorkerScratch],
) -> Result<Vec<(usize, DataError)>, DataError> {
    let count = places.len();
    let mut parts = Parts {
        views: Vec::with_capacity(views.len()),
        later: Vec::new(),
        next: 0,
        count,
        workers: workers.len(),
    };
    for view in views {
        parts.views.push(Samples {
            left: &mut view.data,
            each: 3 * view.size * view.size,
        });
        if recipe.defer {
            let each = view.later.len() / count.max(1);
            parts.later.push(Samples {
                left: &mut view.later,
                each,
            });
        }
    }
    let mut faults = match workers {
        [only] => catch(|| run(recipe, places.start, only, parts))?,
        several => {
            let parts = Mutex::new(parts);
            let (recipe, parts, start) = (recipe, &parts, places.start);
            std::thread::scope(|scope| {
                let threads: Vec<_> = several
                    .iter_mut()
                    .map(|worker| {
                        let parts = std::iter::from_fn(move || {
                            parts.lock().ok().and_then(|mut parts| parts.next())
                        });
                        scope.spawn(move || catch(|| run(recipe, start, worker, parts)))
                    })
                    .collect();
                let mut faults = Vec::new();
                for thread in threads {
                    let found = thread
                        .join()
                        .unwrap_or_else(|panic| Err(panicked(&panic)))?;
                    faults.extend(found);
                }
                Ok::<_, DataError>(faults)
            })?
        }
    };
    faults.sort_by_key(|(place, _)| *place);
    Ok(faults)
}

/// One worker's share.
fn run<'a>(
    recipe: &Recipe<'_>,
    start: usize,
    worker: &mut WorkerScratch,
    parts: impl Iterator<Item = Part<'a>>,
) -> Vec<(usize, DataError)> {
    let mut faults = Vec::new();
    for mut part in parts {
        let mut views: Vec<_> = part
            .views
            .iter_mut()
            .map(|v| {
                let length = v.len() / part.count;
                v.chunks_exact_mut(length)
            })
            .collect();
        let mut left: Vec<_> = part
            .later
            .iter_mut()
            .map(|l| {
                let length = l.len() / part.count;
                l.chunks_exact_mut(length.max(1))
            })
            .collect();
        let mut out: Vec<&mut [f32]> = Vec::with_capacity(views.len());
        let mut later: Vec<&mut [Drawn]> = Vec::with_capacity(left.len());
        for at in part.offset..part.offset + part.count {
            out.clear();
            out.extend(views.iter_mut().filter_map(Iterator::next));
            later.clear();
            later.extend(left.iter_mut().map(|l| l.next().unwrap_or_default()));
            if let Err(fault) = render(recipe, start + at, worker, &mut out, &mut later) {
                faults.push((at, fault));
            }
        }
    }
    faults
}

fn render(
    recipe: &Recipe<'_>,
    place: usize,
    worker: &mut WorkerScratch,
    out: &mut [&mut [f32]],
    later: &mut [&mut [Drawn]],
) -> Result<(), DataError> {
    let sample = recipe.order.samples[place];
    let key = ViewKey {
        seed: recipe.seed,
        epoch: recipe.epoch,
        sample,
        occurrence: recipe.order.occurrences.as_ref().map_or(0, |o| o[place]),
    };
    let needed = |width, height| recipe.plan.rows(width, height, key);
    let image = recipe
        .source
        .image_rows(sample as usize, &mut worker.source, &needed)?;
    let scratch = &mut worker.render;
    recipe.plan.render_deferred(image, key, scratch, out, later);
    LOADED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// A panic of a decoder must not take the process with it.
fn catch<T>(work: impl FnOnce() -> T) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(&panic))
}

fn panicked(panic: &Box<dyn Any + Send>) -> DataError {
    let message = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    DataError::WorkerPanicked { message }
}
