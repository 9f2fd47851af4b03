//! Progress of long work, independent of how it is shown, and its signs of life.

use std::sync::atomic::{AtomicBool, Ordering};

/// What long work calls often: a sign of life for whoever watches it, and the place where it learns that
/// it is to end.
#[derive(Clone, Copy, Debug)]
pub struct Pulse<'a> {
    cancel: Option<&'a AtomicBool>,
    sign: fn(),
}

/// The work was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl<'a> Pulse<'a> {
    /// Nobody watches, and the work goes on to its end.
    pub const STILL: Self = Self {
        cancel: None,
        sign: || {},
    };

    /// Ends when the flag is set; `sign` is called with every beat.
    #[must_use]
    pub const fn new(cancel: &'a AtomicBool, sign: fn()) -> Self {
        Self {
            cancel: Some(cancel),
            sign,
        }
    }

    /// A sign of life.
    ///
    /// # Errors
    /// [`Stopped`] when the work is to end.
    pub fn beat(&self) -> Result<(), Stopped> {
        (self.sign)();
        match self.cancel {
            Some(cancel) if cancel.load(Ordering::Relaxed) => Err(Stopped),
            _ => Ok(()),
        }
    }
}

/// A receiver of progress.
pub trait Progress {
    /// `done` of `total` units are done; `note` is for people (epoch, loss).
    fn progress(&mut self, done: u64, total: u64, note: &str);
    /// A sign of life between two steps of progress, for people: how far a feature pass is.
    fn note(&mut self, text: &str);
    /// Something the user should know.
    fn warning(&mut self, text: &str);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn progress(&mut self, _done: u64, _total: u64, _note: &str) {}
    fn note(&mut self, _text: &str) {}
    fn warning(&mut self, _text: &str) {}
}
