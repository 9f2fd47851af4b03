//! Threads that share work out among themselves.

use std::sync::{Mutex, PoisonError};

use crate::evaluate::Result;

/// Changes every item, on as many threads as the tensor library has. `worker` makes what one thread does.
///
/// The tensor library runs on one thread within each: its own would wait busily while others look through
/// what they made.
pub(super) fn in_parallel<T, W>(items: &mut [T], worker: impl Fn() -> W) -> Result<()>
where
    T: Send,
    W: FnMut(&mut T) -> Result<()> + Send,
{
    let threads = Threads::of_the_library();
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
        handles.into_iter().map(wait).collect()
    })
}

/// How many threads the tensor library has; has them again when this goes.
struct Threads(i32);

impl Threads {
    fn of_the_library() -> Self {
        Self(tch::get_num_threads().max(1))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        tch::set_num_threads(self.0);
    }
}
