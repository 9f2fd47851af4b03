//! Who owns a tensor, and for how long.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::lent::{Lent, values};
use crate::conformance::session::{Session, in_call};
use crate::conformance::step_result::StepResult;
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::verdict::{Broken, Verdict, expect, holds};
use ssl_plugin_api::StepInput;
use ssl_plugin_api::export::Instance as _;

/// Steps that features are watched for.
const STEPS: u64 = 6;

inventory::submit! {
    Definition {
        id: "tensors-are-released-once",
        group: Group::LifeCycle,
        level: 2,
        says: "The deleter of every feature that the plugin was given has been called exactly once when its instance has ended.",
        why: "Memory that is never released grows with every step, and memory that is released twice may be somebody else's.",
        mend: "Call each deleter once, when the tensor is no longer needed, on errors too.",
        run: Run::Framework(tensors_are_released_once),
    }
}

inventory::submit! {
    Definition {
        id: "released-memory-is-not-read",
        group: Group::LifeCycle,
        level: 2,
        says: "Results do not change when the memory of released features is overwritten.",
        why: "A plugin that keeps a pointer to a feature and releases it reads whatever the host has put there since.",
        mend: "Keep the tensor as long as its memory is read, and call its deleter afterwards; or copy the values.",
        run: Run::Framework(released_memory_is_not_read),
    }
}

inventory::submit! {
    Definition {
        id: "inputs-stay-untouched",
        group: Group::Mathematics,
        level: 2,
        says: "A step does not write into the features that it is given.",
        why: "They are read-only: the host's backward pass needs them as they were, and would compute other gradients without a word.",
        mend: "Compute out of place, or on a copy; libtorch's functions that end in an underscore write in place.",
        run: Run::Framework(inputs_stay_untouched),
    }
}

/// Trains on features that are watched; gives back the bytes of each step.
fn watched(session: &mut Session, lent: &mut Lent, poison: bool) -> Result<Vec<Vec<u8>>, Broken> {
    let mut bytes = Vec::new();
    for _ in 0..STEPS {
        session.passes()?;
        let batch = session.batch();
        let output = session.instance.step(StepInput {
            at: session.at,
            indices: batch.indices(),
            features: lent.features(&batch, poison)?,
        });
        let stepped = StepResult::imported(output.map_err(in_call("step"))?)?;
        bytes.push(stepped.bytes());
        session.update(&stepped)?;
    }
    Ok(bytes)
}

fn tensors_are_released_once(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut lent = Lent::default();
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    watched(&mut session, &mut lent, false)?;
    drop(session);
    if let Some((name, count)) = lent.released_otherwise() {
        return Err(crate::conformance::verdict::broken(format!(
            "expected every feature to be released once, found {name} released {count} times"
        )));
    }
    holds("every feature was released once")
}

fn released_memory_is_not_read(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut lent = Lent::default();
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    let kept = watched(&mut session, &mut lent, false)?;
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    let spoilt = watched(&mut session, &mut lent, true)?;
    let differs = kept
        .iter()
        .zip(&spoilt)
        .position(|(one, other)| one != other);
    expect(differs.is_none(), || {
        format!(
            "expected the same results with released memory overwritten, found others in step {}: a feature is read \
             after its release",
            differs.unwrap_or_default()
        )
    })?;
    holds("released memory is not read")
}

fn inputs_stay_untouched(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    for epoch in [0, LATE] {
        let mut session = Session::at_epoch(subject, &plugin, epoch)?;
        let batch = session.batch();
        let before = values(&batch);
        let stepped = session.step(&batch)?;
        session.update(&stepped)?;
        let after = values(&batch);
        let written = before.iter().zip(&after).position(|(old, new)| old != new);
        expect(written.is_none(), || {
            let name = batch.features[written.unwrap_or_default()].name();
            format!("expected {name} as it was given, found it written by step (epoch {epoch})")
        })?;
    }
    holds("features are as they were given")
}
