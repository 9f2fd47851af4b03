//! Progress of long work, independent of how it is shown.

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
