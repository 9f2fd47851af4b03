//! Threads that share work out among themselves.

use std::sync::{Mutex, PoisonError};

use crate::evaluate::Result;

/// Changes every item, on `threads` threads. `worker` makes what one thread does.
pub(super) fn in_parallel<T, W>(
    threads: &Threads,
    items: &mut [T],
    worker: impl Fn() -> W,
) -> Result<()>
where
    T: Send,
    W: FnMut(&mut T) -> Result<()> + Send,
{
    let queue = Mutex::new(items.iter_mut());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let start = |mut work: W| {
            scope.spawn(move || {
                tch::set_num_threads(1);
                while let Some(item) = next() {
                    work(item)?;
                }
                Ok(())
            })
        };
        let handles: Vec<_> = (0..threads.0).map(|_| start(worker())).collect();
        let wait = |handle: std::thread::ScopedJoinHandle<'_, _>| {
            let ended = handle.join();
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().try_for_each(wait)
    })
}

/// The tensor library's threads, taken from it until this goes: each of ours calls it on its own, and its
/// threads would wait busily while ours look through what they made.
pub(super) struct Threads(i32);

impl Threads {
    pub(super) fn taken() -> Self {
        let all = tch::get_num_threads().max(1);
        tch::set_num_threads(1);
        Self(all)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        tch::set_num_threads(self.0);
    }
}
