//! The order of calls, from creation to the end, and cancellation.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::inputs;
use crate::conformance::session::Session;
use crate::conformance::subject::{BATCH, LATE, Subject, context};
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds};
use serde_json::json;
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::{Fault, FaultKind, FfiTensor, LogLevel, Reduce, Services, StepInput};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

inventory::submit! {
    Definition {
        id: "it-trains",
        group: Group::LifeCycle,
        level: 1,
        says: "A framework can be created and trained for the first and for later epochs, in the order of calls of a run.",
        why: "This is all that a run does with it.",
        mend: "The message names the call; `--in-process` runs the check under a debugger.",
        run: Run::Framework(it_trains),
    }
}

inventory::submit! {
    Definition {
        id: "it-works-at-its-defaults",
        group: Group::LifeCycle,
        level: 4,
        says: "The framework can be created and stepped under its own defaults, with features of 64 channels.",
        why: "All other checks use a narrow configuration.",
        mend: "The message names the call; a default that needs many samples is refused as a configuration.",
        run: Run::Framework(it_works_at_its_defaults),
    }
}

inventory::submit! {
    Definition {
        id: "odd-orders-are-survived",
        group: Group::LifeCycle,
        level: 2,
        says: "Calls out of order, a pass that does not exist and a step without a feature are faults or successes, never panics, and training goes on after them.",
        why: "Hosts of later versions may call in other orders; a panic leaves an instance half changed.",
        mend: "Check what a call needs at its start, and answer with a fault.",
        run: Run::Framework(odd_orders_are_survived),
    }
}

inventory::submit! {
    Definition {
        id: "unused-instances-end",
        group: Group::LifeCycle,
        level: 1,
        says: "Instances that were created and never used can be released, one after the other and several at once.",
        why: "A run that is refused after creation, for its data for instance, releases an instance that never trained.",
        mend: "Initialise everything that the release looks at when the instance is created.",
        run: Run::Framework(unused_instances_end),
    }
}

inventory::submit! {
    Definition {
        id: "cancelling-is-heard",
        group: Group::LifeCycle,
        level: 2,
        says: "When the host asks to stop, every call ends with success or a fault of kind cancelled.",
        why: "A run that is interrupted writes its checkpoint and ends; it must not be told that the plugin is broken.",
        mend: "Answer with SSL_FAULT_CANCELLED where a long computation stops early.",
        run: Run::Framework(cancelling_is_heard),
    }
}

fn it_trains(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut session = Session::start(subject, &plugin)?;
    let mut losses = session.train(session.at.steps_per_epoch + 2)?;
    session.begin(LATE)?;
    losses.extend(session.train(4)?);
    let last = losses.last().copied().unwrap_or(f64::NAN);
    holds(format!(
        "{} steps, with a loss of {last:.4} at the end",
        losses.len()
    ))
}

fn it_works_at_its_defaults(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let subject = Subject {
        config: json!({}),
        ..subject.clone()
    };
    let mut context = context(subject.seed());
    // As many samples as some default needs, and a pass over them as long as it has to be.
    context.samples = 256;
    context.steps_per_epoch = (context.samples / BATCH) as u64;
    for feature in &mut context.features {
        feature.dim = 64;
    }
    let services = Arc::new(ssl_plugin_api::SingleProcess);
    let mut session = match Session::start_in(&subject, &plugin, context, services) {
        Ok(session) => session,
        Err(fault) if fault.message.starts_with(FaultKind::Config.name()) => {
            return holds(format!(
                "its defaults do not fit a small run, and it says so: {}",
                fault.message
            ));
        }
        Err(fault) => return Err(fault),
    };
    session.begin(0)?;
    let batch = session.batch();
    let stepped = session.step(&batch)?;
    expect(stepped.loss.is_finite(), || {
        format!("expected a finite loss, found {}", stepped.loss)
    })?;
    session.update(&stepped)?;
    holds(format!("a step with a loss of {:.4}", stepped.loss))
}

/// Passes over any fault but a panic.
fn survived<T>(result: Result<T, Fault>) -> Result<(), Broken> {
    match result {
        Err(fault) if fault.kind == FaultKind::Panic => Err(fault.into()),
        _ => Ok(()),
    }
}

fn odd_orders_are_survived(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut session = Session::start(subject, &plugin)?;
    let at = session.at;
    let batch = session.batch();
    survived(session.instance.end_pass())?;
    survived(session.instance.absorb(batch.indices(), batch.lend()?))?;
    survived(session.instance.begin_pass(&at, "no-such-pass", 8))?;
    survived(session.instance.state())?;
    survived(session.instance.after_update(&at, None))?;
    survived(session.try_step(&batch))?;
    survived(session.instance.cluster(&at, Vec::new()))?;
    let mut without = session.batch();
    without.features.pop();
    let all = batch.features.len();
    match session.instance.step(StepInput {
        at,
        indices: without.indices(),
        features: without.lend()?,
    }) {
        Ok(_) => {
            return Err(broken(format!(
                "expected a step with {} of {all} features to be refused, found it done",
                all - 1
            )));
        }
        other => survived(other)?,
    }
    let mut session = Session::at_epoch(subject, &plugin, LATE)?;
    session.instance.begin_epoch(&session.at)?;
    survived(session.instance.end_pass())?;
    session.train(2)?;
    holds("calls out of order are refused or harmless")
}

fn unused_instances_end(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    drop(subject.create(&plugin)?);
    let pair = (subject.create(&plugin)?, subject.create(&plugin)?);
    drop(pair);
    let mut instance = subject.create(&plugin)?;
    let (views, state) = (instance.parameters()?, instance.state()?);
    // Views outlive the handle of the host's; the instance ends with the last of them.
    drop(instance);
    drop(state);
    drop(views);
    holds("instances end without having been used")
}

/// Services of one rank whose host asks to stop.
struct Stopping(AtomicBool);

impl Services for Stopping {
    fn log(&self, _level: LogLevel, _message: &str) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
    fn all_reduce(&self, _tensor: FfiTensor, _reduce: Reduce) -> Result<(), Fault> {
        Ok(())
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        Ok(tensor)
    }
    fn broadcast(&self, _tensor: FfiTensor, _root: usize) -> Result<(), Fault> {
        Ok(())
    }
}

fn cancelling_is_heard(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let services = Arc::new(Stopping(AtomicBool::new(false)));
    let mut session = Session::start_in(subject, &plugin, subject.context(), services.clone())?;
    session.train(1)?;
    services.0.store(true, Ordering::Relaxed);
    let mut stopped = false;
    let mut heard = |what: &str, result: Result<(), Broken>| -> Result<(), Broken> {
        let Err(fault) = result else { return Ok(()) };
        stopped = true;
        expect(
            fault.message.starts_with(FaultKind::Cancelled.name()),
            || {
                format!(
                    "{what}: expected success or a fault of kind cancelled, found {}",
                    fault.message
                )
            },
        )
    };
    let begun = session.begin(LATE);
    heard("the start of an epoch", begun)?;
    let batch = inputs::batch(&session.description, &session.context, 0, BATCH);
    let stepped = session.try_step(&batch);
    heard("step", stepped.map(|_| ()).map_err(Broken::from))?;
    holds(if stopped {
        "it stops when it is asked to"
    } else {
        "its calls are short and end by themselves"
    })
}
