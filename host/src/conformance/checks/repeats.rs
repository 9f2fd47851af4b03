//! The same again: same seed, other order, other moment.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::golden::relative;
use crate::conformance::inputs::Batch;
use crate::conformance::session::Session;
use crate::conformance::step_result::StepResult;
use crate::conformance::subject::{BATCH, LATE, Subject, context};
use crate::conformance::tensors::{Named, copies, first_difference};
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds, skipped};
use ssl_plugin_api::SingleProcess;
use ssl_plugin_api::export::Instance as _;
use std::sync::Arc;
use tch::Tensor;

/// Largest relative distance of what should be equal but for the order of sums.
const ROUNDING: f64 = 1e-3;

inventory::submit! {
    Definition {
        id: "same-seed-same-bytes",
        group: Group::Mathematics,
        level: 2,
        says: "Two runs with one seed give the same bytes: losses, gradients, parameters and state.",
        why: "A result that cannot be repeated cannot be checked, and a resumed run would be another one.",
        mend: "Draw every random number from the run's seed, step and place; do not iterate over hash maps; do not read clocks.",
        run: Run::Framework(same_seed_same_bytes),
    }
}

inventory::submit! {
    Definition {
        id: "another-seed-starts-elsewhere",
        group: Group::Mathematics,
        level: 2,
        says: "A run with another seed starts from other parameters, where they are drawn.",
        why: "Several seeds tell how much of a result is chance; with the same start every time they tell too little.",
        mend: "Seed the generator of the parameters from the run's `seed`, and not from a constant.",
        run: Run::Framework(another_seed_starts_elsewhere),
    }
}

inventory::submit! {
    Definition {
        id: "call-count-does-not-matter",
        group: Group::Mathematics,
        level: 2,
        says: "A step after loading saved parameters and state gives the same bytes however often the instance was stepped before.",
        why: "What an instance remembers beside its state is lost when a run resumes.",
        mend: "Count with the `step` that the host gives, or keep the counter in the state.",
        run: Run::Framework(call_count_does_not_matter),
    }
}

inventory::submit! {
    Definition {
        id: "batch-order-does-not-matter",
        group: Group::Mathematics,
        level: 3,
        says: "With the samples of a batch in another order the loss and the parameters' gradients stay the same, and features' gradients follow the order.",
        why: "The loss is a mean over samples; a dependence on the order is nearly always two tensors whose rows were paired wrongly.",
        mend: "Look for rows of one view that are paired with rows of another, or for indices that are not used. A framework that means it waives the check.",
        run: Run::Framework(batch_order_does_not_matter),
    }
}

fn same_seed_same_bytes(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut session = Session::start(subject, &plugin)?;
        session.begin(0)?;
        let mut bytes = vec![session.train_step()?.bytes(), session.train_step()?.bytes()];
        session.begin(LATE)?;
        bytes.extend([session.train_step()?.bytes(), session.train_step()?.bytes()]);
        runs.push((bytes, session.saved()?));
    }
    let [
        (one, [parameters, state]),
        (other, [parameters_again, state_again]),
    ] = &runs[..]
    else {
        return Err(broken("expected two runs"));
    };
    let step = one.iter().zip(other).position(|(a, b)| a != b);
    expect(step.is_none(), || {
        format!(
            "expected the same bytes twice, found others in step {} of 4",
            step.unwrap_or_default() + 1
        )
    })?;
    let differs = first_difference(parameters, parameters_again)
        .or_else(|| first_difference(state, state_again));
    expect(differs.is_none(), || {
        format!(
            "expected the same bytes twice, found others in {}",
            differs.unwrap_or_default()
        )
    })?;
    holds("two runs give the same bytes")
}

/// Parameters with so many values are drawn: those that are filled have one or two.
const DRAWN: usize = 4;

fn another_seed_starts_elsewhere(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let start = |seed: u64| -> Result<Named, Broken> {
        let circumstances = context(seed);
        let alone = Arc::new(SingleProcess);
        let mut session = Session::start_in(subject, &plugin, circumstances, alone)?;
        Ok(copies(session.instance.parameters()?)?)
    };
    let (one, other) = (start(subject.seed())?, start(subject.seed() + 1)?);
    let drawn: Vec<_> = one
        .iter()
        .zip(&other)
        .filter(|((_, it), _)| is_drawn(it))
        .collect();
    if drawn.is_empty() {
        return skipped("no parameter is drawn");
    }
    let differs = drawn.iter().any(|((_, one), (_, other))| !one.equal(other));
    expect(differs, || {
        let (name, _) = drawn[0].0;
        format!("expected parameters that depend on the seed, found the same {name} for two seeds")
    })?;
    holds("parameters depend on the seed")
}

fn is_drawn(parameter: &Tensor) -> bool {
    let (values, ..) = parameter
        .flatten(0, -1)
        .internal_unique2(true, false, false);
    values.numel() >= DRAWN
}

fn call_count_does_not_matter(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    session.passes()?;
    let saved = session.saved()?;
    let batch = session.batch();
    let expected = session.step(&batch)?.bytes();
    for calls in 1..4 {
        session.load(&saved)?;
        session.refresh()?;
        let found = session.step(&batch)?.bytes();
        expect(found == expected, || {
            format!(
                "expected the same bytes from the same parameters and state, found others after {calls} steps more"
            )
        })?;
    }
    holds("a step depends on parameters, state and input alone")
}

fn batch_order_does_not_matter(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    // A permutation without fixed points and without symmetry.
    let order: Vec<i64> = (0..BATCH as i64)
        .map(|row| (row * 3 + 2) % BATCH as i64)
        .collect();
    for epoch in [0, LATE] {
        let step = |change: &dyn Fn(&Batch) -> Batch| -> Result<StepResult, Broken> {
            let mut session = Session::at_epoch(subject, &plugin, epoch)?;
            session.passes()?;
            let batch = change(&session.batch());
            session.step(&batch)
        };
        let straight = step(&|batch| batch.rows(&(0..BATCH as i64).collect::<Vec<_>>()))?;
        let permuted = step(&|batch| batch.rows(&order))?;
        let distance = (permuted.loss - straight.loss).abs();
        expect(distance <= 1e-4 * straight.loss.abs().max(1e-2), || {
            format!(
                "expected the loss {:.6} whatever the order of the samples, found {:.6} in another (epoch {epoch})",
                straight.loss, permuted.loss
            )
        })?;
        let index = tch::Tensor::from_slice(&order);
        let moved = |n: usize, grad: &tch::Tensor, features: usize| {
            if n < features {
                grad.index_select(0, &index)
            } else {
                grad.shallow_clone()
            }
        };
        let features = straight.features.len();
        let norm =
            |grad: &Option<tch::Tensor>| grad.as_ref().map_or(0.0, |g| g.norm().double_value(&[]));
        let all = |stepped: &StepResult| -> f64 {
            let grads = stepped.features.iter().chain(&stepped.parameters);
            grads.map(norm).fold(0.0, f64::max)
        };
        let scale = all(&straight);
        let pairs = straight.features.iter().chain(&straight.parameters);
        let others = permuted.features.iter().chain(&permuted.parameters);
        for (n, (one, other)) in pairs.zip(others).enumerate() {
            let (Some(one), Some(other)) = (one, other) else {
                continue;
            };
            let expected = moved(n, one, features);
            let share = norm(&Some(expected.shallow_clone())) / scale.max(f64::MIN_POSITIVE);
            // What is zero but for rounding has no direction.
            let distance = relative(other, &expected);
            expect(share < 1e-3 || distance <= ROUNDING, || {
                let what = if n < features { "feature" } else { "parameter" };
                format!(
                    "expected the gradient of {what} {} to follow the order of the samples, found a relative distance \
                     of {distance:.3e} (epoch {epoch})",
                    if n < features { n } else { n - features }
                )
            })?;
        }
    }
    holds("the order of the samples does not matter")
}
