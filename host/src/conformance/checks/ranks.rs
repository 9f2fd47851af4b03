//! Several ranks: the same batch in parts is the same batch.

use crate::conformance::Status;
use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::meeting::Meeting;
use crate::conformance::session::Session;
use crate::conformance::step_result::StepResult;
use crate::conformance::subject::{BATCH, LATE, Subject};
use crate::conformance::tensors::Named;
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds, skipped, warning};
use ssl_plugin_api::RunContext;
use ssl_plugin_api::foreign::Plugin;
use std::sync::Arc;
use tch::{Kind, Tensor};

/// Largest relative distance: sums in another order, in single precision.
const TOLERANCE: f64 = 2e-3;

inventory::submit! {
    Definition {
        id: "ranks-equal-the-whole",
        group: Group::Ranks,
        level: 3,
        says: "A batch on 2 and on 4 ranks gives the mean loss, the mean gradients and the state that it gives on one.",
        why: "A run on more machines has to be the same run, as far as the host's average of gradients allows.",
        mend: "Gather or reduce what the loss takes over the batch, with gradients summed over ranks; normalise over all ranks together.",
        run: Run::Framework(ranks_equal_the_whole),
    }
}

inventory::submit! {
    Definition {
        id: "collectives-agree",
        group: Group::Ranks,
        level: 3,
        says: "All ranks call the same collectives with tensors of the same shapes, in the same order.",
        why: "Ranks that call different collectives wait for each other for ever.",
        mend: "Let no branch around a collective depend on the rank or on its own samples.",
        run: Run::Framework(collectives_agree),
    }
}

/// One rank's step: what it gave back, the state after it, and the feature passes before it.
type Ranked = (StepResult, Named, usize);

/// A step on so many ranks; each rank's part.
fn on_ranks(
    subject: &Subject,
    plugin: &Plugin,
    world_size: usize,
    epoch: u64,
) -> Result<(Vec<Ranked>, usize), Broken> {
    let (meeting, services) = Meeting::of(world_size);
    let work = |rank: usize| -> Result<Ranked, Broken> {
        tch::set_num_threads(1);
        let context = RunContext {
            batch_size: BATCH / world_size,
            world_size,
            rank,
            ..subject.context()
        };
        let services = Arc::clone(&services[rank]);
        let mut session = Session::start_in(subject, plugin, context, services)?;
        session.begin(epoch)?;
        session.passes()?;
        let batch = session.batch();
        let stepped = session.step(&batch)?;
        let [_, state] = session.saved()?;
        Ok((stepped, state, session.passes_run))
    };
    let parts: Vec<Result<Ranked, Broken>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..world_size)
            .map(|rank| {
                let (work, meeting) = (&work, &meeting);
                scope.spawn(move || {
                    let part = work(rank);
                    meeting.leave();
                    part
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|part| part.unwrap_or_else(|_| Err(broken("a rank panicked"))))
            .collect()
    });
    let (told, done) = meeting.told();
    if let Some(message) = told {
        return Err(broken(message));
    }
    let parts = parts.into_iter().collect::<Result<Vec<_>, Broken>>();
    let parts = parts.map_err(|fault| Broken {
        message: format!("on {world_size} ranks (epoch {epoch}): {}", fault.message),
        ..fault
    })?;
    Ok((parts, done))
}

fn collectives_agree(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut count = 0;
    for epoch in [0, LATE] {
        for world_size in [2, 4] {
            count += on_ranks(subject, &plugin, world_size, epoch)?.1;
        }
    }
    if count == 0 {
        return skipped("it calls no collectives");
    }
    holds(format!("{count} collectives agree"))
}

/// How far two tensors are apart, relative to the larger of the expected one's norm and `floor`, where
/// that is more than rounding.
fn apart(found: &Tensor, expected: &Tensor, floor: f64) -> Option<f64> {
    let (found, expected) = (found.to_kind(Kind::Double), expected.to_kind(Kind::Double));
    let norm = |tensor: &Tensor| tensor.norm().double_value(&[]);
    let distance = norm(&(found - &expected)) / norm(&expected).max(floor).max(f64::MIN_POSITIVE);
    (distance.is_nan() || distance > TOLERANCE).then_some(distance)
}

fn ranks_equal_the_whole(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut after_passes = None;
    for epoch in [0, LATE] {
        let (whole, _) = on_ranks(subject, &plugin, 1, epoch)?;
        let [whole] = &whole[..] else {
            return Err(broken("expected one rank"));
        };
        for world_size in [2, 4] {
            let (parts, _) = on_ranks(subject, &plugin, world_size, epoch)?;
            let place = format!("on {world_size} ranks (epoch {epoch})");
            match equal(whole, &parts, &place) {
                // A clustering starts from samples that each rank draws of its own.
                Err(fault) if whole.2 > 0 && fault.status == Status::Failed => {
                    after_passes = Some(fault.message);
                }
                other => other?,
            }
        }
    }
    match after_passes {
        Some(message) => warning(format!("after a feature pass: {message}")),
        None => holds("2 and 4 ranks do what one does"),
    }
}

/// Whether ranks have the mean loss, the mean gradients and the shared state of one.
fn equal((whole, state, _): &Ranked, parts: &[Ranked], place: &str) -> Result<(), Broken> {
    let world_size = parts.len();
    let share = world_size as f64;
    let loss = parts.iter().map(|(part, ..)| part.loss).sum::<f64>() / share;
    expect(
        (loss - whole.loss).abs() <= TOLERANCE * whole.loss.abs().max(1e-2),
        || {
            format!(
                "expected a mean loss of {:.6} {place}, found {loss:.6}",
                whole.loss
            )
        },
    )?;
    let grads = |pick: &dyn Fn(&StepResult) -> Option<Tensor>| -> Vec<Tensor> {
        parts.iter().filter_map(|(part, ..)| pick(part)).collect()
    };
    let norm = |grad: &Option<Tensor>| grad.as_ref().map_or(0.0, |g| g.norm().double_value(&[]));
    let largest = whole
        .features
        .iter()
        .chain(&whole.parameters)
        .map(norm)
        .fold(0.0, f64::max);
    for (n, grad) in whole.features.iter().enumerate() {
        let Some(expected) = grad else { continue };
        let found = grads(&|part| part.features[n].as_ref().map(Tensor::shallow_clone));
        compare(&found, expected, largest, true, || {
            format!("the gradient of feature {n} {place}")
        })?;
    }
    for (n, grad) in whole.parameters.iter().enumerate() {
        let Some(expected) = grad else { continue };
        let found = grads(&|part| part.parameters.get(n)?.as_ref().map(Tensor::shallow_clone));
        compare(&found, expected, largest, false, || {
            format!("the gradient of parameter {n} {place}")
        })?;
    }
    // State of a rank's own has another shape or place; only what all ranks share is compared.
    for (name, expected) in state {
        let found: Vec<&Tensor> = parts
            .iter()
            .filter_map(|(_, own, _)| Some(&own.iter().find(|(other, _)| other == name)?.1))
            .filter(|own| own.size() == expected.size())
            .collect();
        let shared = found.windows(2).all(|pair| pair[0].equal(pair[1]));
        if let (true, Some(own), true) = (shared, found.first(), found.len() == world_size)
            && expected.is_floating_point()
            && let Some(distance) = apart(own, expected, 0.01 * (expected.numel() as f64).sqrt())
        {
            return Err(broken(format!(
                "expected the state {name} of one rank {place}, found a relative distance of {distance:.3e}"
            )));
        }
    }
    Ok(())
}

fn compare(
    found: &[Tensor],
    expected: &Tensor,
    largest: f64,
    rows: bool,
    what: impl Fn() -> String,
) -> Result<(), Broken> {
    if found.is_empty() {
        return Err(broken(format!("expected {}, found none", what())));
    }
    let share = found.len() as f64;
    let found = if rows {
        Tensor::cat(found, 0) / share
    } else {
        Tensor::stack(found, 0).mean_dim([0_i64].as_slice(), false, Kind::Float)
    };
    expect(found.size() == expected.size(), || {
        format!(
            "expected {} of shape {:?}, found {:?}",
            what(),
            expected.size(),
            found.size()
        )
    })?;
    match apart(&found, expected, 1e-2 * largest) {
        None => Ok(()),
        Some(distance) => Err(broken(format!(
            "expected {} to be that of one rank, found a relative distance of {distance:.3e}",
            what()
        ))),
    }
}
