//! Signs of life for work that gives none itself.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Time between two signs.
const BEAT: Duration = Duration::from_secs(5);
/// Processor time within a beat that counts as computing.
const COMPUTING: Duration = Duration::from_millis(500);

/// Does `work` and calls `sign` every few seconds until it is done: for work that waits for disks, whose
/// length nobody bounds.
pub(crate) fn through<T>(sign: fn(), work: impl FnOnce() -> T) -> T {
    beating(BEAT, || true, sign, work)
}

/// Does `work` and calls `sign` every few seconds as long as this process computes: for a framework's own
/// clustering, which may take minutes. One that hangs computes nothing.
pub(crate) fn while_computing<T>(sign: fn(), work: impl FnOnce() -> T) -> T {
    let mut last = processor_time();
    let computes = move || {
        let now = processor_time();
        let (Some(before), Some(after)) = (std::mem::replace(&mut last, now), now) else {
            return true;
        };
        after.saturating_sub(before) >= COMPUTING
    };
    beating(BEAT, computes, sign, work)
}

fn beating<T>(
    beat: Duration,
    mut lives: impl FnMut() -> bool + Send,
    sign: fn(),
    work: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        let (done, news) = channel::<()>();
        scope.spawn(move || {
            while news.recv_timeout(beat) == Err(RecvTimeoutError::Timeout) {
                if lives() {
                    sign();
                }
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// What this process has had of the processors; `None` where the system does not tell.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold anything; user and system time are the 12th and 13th field after it,
    // in hundredths of a second on every Linux.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (next()? + next()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    static SIGNS: AtomicU64 = AtomicU64::new(0);

    #[test]
    fn work_beats_as_long_as_it_lives() {
        let looks = AtomicU64::new(0);
        let signs = || SIGNS.load(Ordering::Relaxed);
        for lives in [false, true] {
            looks.store(0, Ordering::Relaxed);
            let look = || {
                looks.fetch_add(1, Ordering::Relaxed);
                lives
            };
            let sign = || {
                SIGNS.fetch_add(1, Ordering::Relaxed);
            };
            let result = beating(Duration::from_millis(1), look, sign, || {
                while looks.load(Ordering::Relaxed) < 5 {
                    thread::yield_now();
                }
                7
            });
            assert_eq!(result, 7);
            assert_eq!(signs() > 0, lives);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn processor_time_grows_with_computing_alone() {
        let before = processor_time().unwrap_or_default();
        let mut sum = 0_u64;
        while processor_time().unwrap_or_default() < before + Duration::from_millis(50) {
            sum = (0..10_000).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert_ne!(sum, 1);
    }
}
