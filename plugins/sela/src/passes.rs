//! When version 1 labels anew.

/// The labelling pass that is due before a step, if any, by its number.
///
/// Pass `i` of `n` is due once `step · batch ≥ (epochs + 1.01) · samples · (i / (n − 1))²`, at most one
/// before each step; those that have to wait follow before the next steps.
///
/// # Source
/// `self-label:main.py`, `optimize_times` and `optimize_epoch`.
#[must_use]
pub fn due_at(step: u64, batch: usize, samples: usize, epochs: u64, passes: u64) -> Option<u64> {
    let span = (epochs as f64 + 1.01) * samples as f64;
    let gaps = passes.saturating_sub(1).max(1) as f64;
    let mut free = 0; // the first step without a pass of its own
    for pass in 0..passes {
        let share = pass as f64 / gaps;
        let due = (span * share * share / batch.max(1) as f64).ceil() as u64;
        let at = due.max(free);
        if at >= step {
            return (at == step).then_some(pass);
        }
        free = at + 1;
    }
    None
}
