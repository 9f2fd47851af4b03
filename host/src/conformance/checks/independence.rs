//! Instances beside each other, and calls from several threads.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::session::Session;
use crate::conformance::subject::{LATE, Subject, context};
use crate::conformance::tensors::first_difference;
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds};
use ssl_plugin_api::foreign::Plugin;
use std::sync::Arc;

inventory::submit! {
    Definition {
        id: "instances-are-independent",
        group: Group::LifeCycle,
        level: 2,
        says: "Two instances that train in turns give the bytes that each gives alone.",
        why: "What instances share in static variables makes a run depend on what ran before it.",
        mend: "Keep everything in the instance.",
        run: Run::Framework(instances_are_independent),
    }
}

inventory::submit! {
    Definition {
        id: "any-thread-may-call",
        group: Group::LifeCycle,
        level: 2,
        says: "Calls that come from different threads, one at a time, give the same bytes as calls from one.",
        why: "The host calls from whichever thread is free.",
        mend: "Keep nothing in thread-local variables, and switch libtorch's modes anew in each call.",
        run: Run::Framework(any_thread_may_call),
    }
}

/// What training alone gives: steps, then parameters and state.
fn alone(
    subject: &Subject,
    plugin: &Plugin,
    steps: u64,
) -> Result<(Vec<Vec<u8>>, Session), Broken> {
    let mut session = Session::at_epoch(subject, plugin, LATE)?;
    let bytes = (0..steps)
        .map(|_| session.train_step().map(|step| step.bytes()))
        .collect::<Result<_, _>>()?;
    Ok((bytes, session))
}

fn instances_are_independent(subject: &Subject) -> Verdict {
    const STEPS: u64 = 4;
    let plugin = subject.open()?;
    let (expected, mut single) = alone(subject, &plugin, STEPS)?;
    let mut one = Session::at_epoch(subject, &plugin, LATE)?;
    // Another seed, so that what is shared differs.
    let other_seed = context(subject.seed() + 1);
    let services = Arc::new(ssl_plugin_api::SingleProcess);
    let mut other = Session::start_in(subject, &plugin, other_seed, services)?;
    other.begin(LATE)?;
    for (n, expected) in expected.iter().enumerate() {
        other.train_step()?;
        let found = one.train_step()?.bytes();
        expect(found == *expected, || {
            format!("expected step {n} as without another instance, found other bytes")
        })?;
    }
    drop(other);
    let [parameters, state] = one.saved()?;
    let [parameters_alone, state_alone] = single.saved()?;
    let differs = first_difference(&parameters, &parameters_alone)
        .or_else(|| first_difference(&state, &state_alone));
    expect(differs.is_none(), || {
        format!(
            "expected {} as without another instance, found other bytes",
            differs.unwrap_or_default()
        )
    })?;
    holds("two instances do not touch each other")
}

fn any_thread_may_call(subject: &Subject) -> Verdict {
    const STEPS: u64 = 3;
    let plugin = subject.open()?;
    let (expected, _) = alone(subject, &plugin, STEPS)?;
    let elsewhere = |work: &mut (dyn FnMut() -> Result<Vec<u8>, Broken> + Send)| {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                tch::set_num_threads(1);
                work()
            });
            thread
                .join()
                .unwrap_or_else(|_| Err(broken("a thread of the check panicked")))
        })
    };
    let mut session = None;
    elsewhere(&mut || {
        session = Some(Session::at_epoch(subject, &plugin, LATE)?);
        Ok(Vec::new())
    })?;
    let mut session = session.ok_or_else(|| broken("expected an instance, found none"))?;
    for (n, expected) in expected.iter().enumerate() {
        let found = elsewhere(&mut || Ok(session.train_step()?.bytes()))?;
        expect(found == *expected, || {
            format!("expected step {n} from another thread as from the first, found other bytes")
        })?;
    }
    holds("calls come from any thread")
}
