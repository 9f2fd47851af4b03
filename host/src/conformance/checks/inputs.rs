//! Unusual features: batches of other sizes, extreme scales, constants, no numbers.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::inputs::{Batch, batch};
use crate::conformance::session::Session;
use crate::conformance::step_result::StepResult;
use crate::conformance::subject::{BATCH, LATE, SAMPLES, Subject};
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds, warning};
use ssl_plugin_api::{Fault, FaultKind, SingleProcess};
use std::sync::Arc;
use tch::Tensor;

inventory::submit! {
    Definition {
        id: "odd-batches-work",
        group: Group::Mathematics,
        level: 2,
        says: "Runs with batches of 1, 2 and 7 samples give finite results or are refused, when they are created or in the step.",
        why: "Small data sets and many ranks make small batches; statistics over one sample are no numbers.",
        mend: "Refuse a batch that the loss cannot use, with the least one in the message.",
        run: Run::Framework(odd_batches_work),
    }
}

inventory::submit! {
    Definition {
        id: "extreme-scales-are-survived",
        group: Group::Mathematics,
        level: 3,
        says: "Features of a millionth and of ten thousand times the usual size give finite results or a fault.",
        why: "Backbones begin small and diverge large; a silent NaN spoils the run after it.",
        mend: "Add an epsilon under roots and to norms, and subtract the largest logit before exponentials.",
        run: Run::Framework(extreme_scales_are_survived),
    }
}

inventory::submit! {
    Definition {
        id: "constant-features-are-survived",
        group: Group::Mathematics,
        level: 3,
        says: "Features that are the same for all samples, or all zero, give finite results or a fault.",
        why: "That is what a collapsed backbone gives, and the report has to say so rather than die.",
        mend: "Add an epsilon to variances and norms before they divide.",
        run: Run::Framework(constant_features_are_survived),
    }
}

inventory::submit! {
    Definition {
        id: "a-row-without-numbers-is-refused",
        group: Group::Mathematics,
        level: 2,
        says: "A feature with NaN in one row is a fault, whose message names the row, or a loss that is no number.",
        why: "A finite loss with a feature that is no number means that a sample is silently left out.",
        mend: "Check that features are finite and answer with SSL_FAULT_NUMERIC and the row.",
        run: Run::Framework(a_row_without_numbers_is_refused),
    }
}

/// A step that is either finite or refused; whether it was done.
fn sound(result: Result<StepResult, Fault>, with: &str) -> Result<bool, Broken> {
    let stepped = match result {
        Ok(stepped) => stepped,
        Err(fault) if fault.kind == FaultKind::Panic => {
            let mut broken = Broken::from(fault);
            broken.message = format!("with {with}: {}", broken.message);
            return Err(broken);
        }
        Err(_) => return Ok(false),
    };
    expect(stepped.loss.is_finite(), || {
        format!(
            "with {with}: expected a finite loss or a fault, found {}",
            stepped.loss
        )
    })?;
    for grad in stepped.features.iter().chain(&stepped.parameters).flatten() {
        let finite = grad.isfinite().all().int64_value(&[]) == 1;
        expect(finite, || {
            format!(
                "with {with}: expected finite gradients or a fault, found NaN or infinity in one of shape {:?}",
                grad.size()
            )
        })?;
    }
    Ok(true)
}

fn told(done: usize, of: usize) -> Verdict {
    holds(format!(
        "{done} of {of} steps are finite, the others are refused"
    ))
}

fn odd_batches_work(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let sizes = [1, 2, 7];
    let mut done = 0;
    for size in sizes {
        let mut context = subject.context();
        context.batch_size = size;
        context.steps_per_epoch = (SAMPLES / size) as u64;
        let started = Session::start_in(subject, &plugin, context, Arc::new(SingleProcess));
        let mut session = match started {
            Ok(session) => session,
            // Refused: as good as done.
            Err(fault) if fault.status == crate::conformance::Status::Failed => continue,
            Err(fault) => return Err(fault),
        };
        match session.begin(LATE) {
            Err(fault) if fault.status == crate::conformance::Status::Failed => continue,
            begun => begun?,
        }
        let batch = batch(&session.description, &session.context, 0, size);
        let stepped = session.try_step(&batch);
        done += usize::from(sound(stepped, &format!("a batch of {size}"))?);
    }
    told(done, sizes.len())
}

/// A step on changed features, at a late epoch.
fn changed(
    subject: &Subject,
    change: impl Fn(&Batch) -> Batch,
    with: &str,
) -> Result<bool, Broken> {
    let plugin = subject.open()?;
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    session.passes()?;
    let batch = change(&session.batch());
    sound(session.try_step(&batch), with)
}

fn extreme_scales_are_survived(subject: &Subject) -> Verdict {
    let scales = [1e-6, 1e4];
    let mut done = 0;
    for scale in scales {
        let with = format!("features times {scale:e}");
        done += usize::from(changed(
            subject,
            |b| b.map(|_, input| &input.tensor * scale),
            &with,
        )?);
    }
    told(done, scales.len())
}

fn constant_features_are_survived(subject: &Subject) -> Verdict {
    let first_row = |b: &Batch| {
        b.map(|_, input| {
            input
                .tensor
                .narrow(0, 0, 1)
                .expand_as(&input.tensor)
                .contiguous()
        })
    };
    let zero = |b: &Batch| b.map(|_, input| input.tensor.zeros_like());
    let done = [
        changed(subject, first_row, "the same feature for all samples")?,
        changed(subject, zero, "features of zeros")?,
    ];
    told(done.into_iter().filter(|it| *it).count(), done.len())
}

fn a_row_without_numbers_is_refused(subject: &Subject) -> Verdict {
    const ROW: i64 = BATCH as i64 - 3;
    let plugin = subject.open()?;
    let mut unnamed = None;
    let count = Session::at_epoch(subject, &plugin, LATE)?
        .batch()
        .features
        .len();
    for spoilt in 0..count {
        let mut session = Session::at_epoch(subject, &plugin, LATE)?;
        session.passes()?;
        let batch = session.batch().map(|n, input| {
            let tensor: Tensor = input.tensor.copy();
            if n == spoilt {
                let _ = tensor.get(ROW).flatten(0, -1).get(1).fill_(f64::NAN);
            }
            tensor
        });
        let name = batch.features[spoilt].name();
        match session.try_step(&batch) {
            Ok(stepped) if stepped.loss.is_finite() => {
                return Err(broken(format!(
                    "expected NaN in row {ROW} of {name} to be refused, found a loss of {:.4}",
                    stepped.loss
                )));
            }
            Err(fault) if fault.kind == FaultKind::Panic => return Err(fault.into()),
            Err(fault) if fault.message.contains(&ROW.to_string()) => {}
            Err(fault) => unnamed = Some(fault.message),
            Ok(_) => unnamed = Some(format!("a loss that is no number, for {name}")),
        }
    }
    match unnamed {
        None => holds(format!(
            "row {ROW} is named, whichever of {count} features has it"
        )),
        Some(message) => warning(format!("it is refused without the row's number: {message}")),
    }
}
