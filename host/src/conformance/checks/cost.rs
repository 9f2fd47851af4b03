//! What many steps cost.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::session::Session;
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::verdict::{Broken, Verdict, expect, holds};

/// Steps that are watched, after as many as it takes for caches to fill.
const STEPS: u64 = 1000;
const BEFORE: u64 = 100;
/// Growth that is no leak: pools of the allocator.
const ALLOWED: i64 = 16 << 20;

inventory::submit! {
    Definition {
        id: "a-thousand-steps-do-not-grow",
        group: Group::LifeCycle,
        level: 4,
        says: "A thousand steps leave the process with the memory, threads and open files that it had.",
        why: "A run has a million steps; sixteen kilobytes a step are sixteen gigabytes.",
        mend: "Release what a step was given and what it made, and keep no graph from one step to the next.",
        run: Run::Framework(a_thousand_steps_do_not_grow),
    }
}

fn a_thousand_steps_do_not_grow(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    train(&mut session, BEFORE)?;
    let before = usage()?;
    train(&mut session, STEPS)?;
    let after = usage()?;
    let grown = after[0] - before[0];
    expect(grown <= ALLOWED, || {
        format!(
            "expected the memory of {STEPS} steps to be given back, found {:.1} MB more, {} bytes a step",
            grown as f64 / 1e6,
            grown / STEPS as i64
        )
    })?;
    for (n, what) in [(1, "threads"), (2, "open files")] {
        expect(after[n] <= before[n] + 2, || {
            format!(
                "expected {} {what} after {STEPS} steps, found {}",
                before[n], after[n]
            )
        })?;
    }
    holds(format!(
        "{:.1} MB more after {STEPS} steps",
        grown.max(0) as f64 / 1e6
    ))
}

/// Steps of one epoch over and over: its end would start passes, which are not what is watched.
fn train(session: &mut Session, steps: u64) -> Result<(), Broken> {
    let first = session.at.step;
    for n in 0..steps {
        session.at.step = first + n % session.at.steps_per_epoch;
        session.train_step()?;
    }
    session.at.step = first;
    Ok(())
}

/// Bytes of memory, threads and open files of this process.
fn usage() -> Result<[i64; 3], Broken> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: i64 = statm
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let count = |folder: &str| std::fs::read_dir(folder).map(|entries| entries.count() as i64);
    Ok([
        pages * 4096,
        count("/proc/self/task")?,
        count("/proc/self/fd")?,
    ])
}
