//! Random configurations, circumstances, features and states against a framework, until time is up.
//!
//! Every call is a success or a fault. A panic, a death, a hang and a result that is no number are
//! findings, each with the seed that repeats it.

use super::inputs::generator;
use super::options::Options;
use super::report::{Check, Outcome, Status};
use super::schema::{bounds, drawn, refused};
use super::session::Session;
use super::spoilt::{damaged, odd};
use super::step_result::StepResult;
use super::subject::{Subject, context};
use super::tensors::Named;
use super::verdict::{Broken, Verdict, expect, holds};
use crate::process::fork_each;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use ssl_plugin_api::description::ValueKind;
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::{Fault, FaultKind, RunContext, SingleProcess};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::Tensor;

/// The id under which findings are reported and reproduced.
pub const FUZZ: &str = "fuzz";
/// Calls of one case.
const CALLS: usize = 12;
/// Losses and gradients from which others may leave the range of single precision: features without
/// variation come out of every batch norm with 1/√ε ≈ 316 times their gradient.
const DIVERGED: f64 = 1e15;
/// Parameters from which a deep head's output may do so; a foreign state brings such.
const OVERGROWN: f64 = 1e6;

/// Tries random cases on every framework until time is up; gives back the findings and the number of
/// cases.
///
/// # Errors
/// When children cannot be made.
pub(super) fn fuzz(
    options: &Options,
    subjects: &[Subject],
    time: Duration,
) -> std::io::Result<(Vec<Check>, u64)> {
    let deadline = Instant::now() + time;
    let (mut findings, mut cases) = (Vec::new(), 0);
    let places = (0_u64..).map_while(|n| {
        let subject = subjects.get(n as usize % subjects.len().max(1))?;
        let seed = options.seed.wrapping_mul(1_000_003).wrapping_add(n);
        (Instant::now() < deadline).then_some((subject, seed))
    });
    fork_each(
        places,
        options.jobs,
        |_| options.limits(),
        |(subject, seed)| case(subject, *seed),
        |(subject, seed), answer| {
            cases += 1;
            let outcome = answer.unwrap_or_else(|error| Outcome::crashed(error.to_string()));
            if outcome.status.is_failure() {
                findings.push(finding(subject, seed, outcome));
            }
        },
    )?;
    Ok((findings, cases))
}

/// A finding as the report has it.
fn finding(subject: &Subject, seed: u64, outcome: Outcome) -> Check {
    Check {
        id: FUZZ.to_owned(),
        group: FUZZ.to_owned(),
        level: 0,
        framework: subject.id().to_owned(),
        status: outcome.status,
        message: outcome.message,
        max_rel_error: outcome.max_rel_error,
        seconds: outcome.seconds,
        reproduce: format!("{FUZZ}:{}:{seed}", subject.id()),
    }
}

/// What all cases came to, where there was no finding.
pub(super) fn nothing_found(subject: &Subject, seed: u64, cases: u64) -> Check {
    let message = format!("{cases} random cases are successes or faults");
    finding(subject, seed, Outcome::new(Status::Success, message))
}

/// One case, in this process.
pub(super) fn case(subject: &Subject, seed: u64) -> Outcome {
    tch::set_num_threads(1);
    Outcome::of(attempt(subject, seed))
}

fn attempt(subject: &Subject, seed: u64) -> Verdict {
    let mut random = generator(seed, &[7]);
    let plugin = subject.open()?;
    let mut subject = subject.clone();
    for _ in 0..random.random_range(0..4) {
        let Some(key) = subject.metadata.schema.keys.choose(&mut random) else {
            break;
        };
        let value = match random.random_range(0..8) {
            0 => refused(&key.kind)
                .choose(&mut random)
                .cloned()
                .unwrap_or_default(),
            1 if !is_width(&key.kind) => bounds(&key.kind)
                .choose(&mut random)
                .cloned()
                .unwrap_or_default(),
            _ => drawn(&key.kind, &mut random),
        };
        // What null stands for is wide: a queue of 65,536 keys takes minutes. The narrow value stays.
        if !(value.is_null() && key.default.is_null()) {
            subject.config[&key.key] = value;
        }
    }
    let config = subject.config.to_string();
    let told = |broken: Broken| Broken {
        message: format!("{} (configuration {config})", broken.message),
        ..broken
    };
    let Some(description) =
        survived(plugin.describe(subject.id(), &subject.config)).map_err(told)?
    else {
        return holds("refused when it was described");
    };
    if description.view_count() > 64 {
        return holds("too many views to try");
    }
    let started = Session::start_in(
        &subject,
        &plugin,
        circumstances(&mut random, seed),
        Arc::new(SingleProcess),
    );
    let mut session = match started {
        Ok(session) => session,
        Err(broken) if broken.status == Status::Failed => {
            return holds("refused when it was created");
        }
        Err(broken) => return Err(told(broken)),
    };
    for _ in 0..CALLS {
        call(&mut session, &mut random).map_err(told)?;
    }
    holds("every call is a success or a fault")
}

/// Whether a kind's bounds are widths that no machine has memory for.
fn is_width(kind: &ValueKind) -> bool {
    match kind {
        ValueKind::Int { max, .. } => *max > 1 << 16,
        ValueKind::List { of, .. } | ValueKind::Optional { of } => is_width(of),
        ValueKind::Any { of } => of.iter().any(is_width),
        _ => false,
    }
}

fn circumstances(random: &mut ChaCha8Rng, seed: u64) -> RunContext {
    let mut it = context(seed);
    for feature in &mut it.features {
        feature.dim = *[1, 2, 3, 8, 12, 33].choose(random).unwrap_or(&8);
    }
    it.batch_size = *[1, 2, 3, 8, 8, 16].choose(random).unwrap_or(&8);
    it.samples = *[1, 7, 16, 64, 64, 65].choose(random).unwrap_or(&64);
    it.steps_per_epoch = (it.samples / it.batch_size) as u64;
    it.epochs = *[1, 2, 100].choose(random).unwrap_or(&100);
    it
}

/// Passes over any fault but a panic.
fn survived<T>(result: Result<T, Fault>) -> Result<Option<T>, Broken> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(fault) if fault.kind == FaultKind::Panic => Err(fault.into()),
        Err(_) => Ok(None),
    }
}

/// As [`survived`], for what the check's own driver does.
fn driven(result: Result<(), Broken>) -> Result<(), Broken> {
    match result {
        Err(broken) if broken.status == Status::Crashed => Err(broken),
        _ => Ok(()),
    }
}

/// One call, drawn.
fn call(session: &mut Session, random: &mut ChaCha8Rng) -> Result<(), Broken> {
    match random.random_range(0..10) {
        0 => {
            let epoch = random.random_range(0..session.at.epochs);
            driven(session.begin(epoch))
        }
        1 => driven(session.passes()),
        2 => survived(session.instance.end_pass()).map(|_| ()),
        3 => {
            let batch = odd(session, random);
            survived(session.instance.absorb(batch.indices(), batch.lend()?)).map(|_| ())
        }
        4 => {
            let at = session.at;
            let momentum = random
                .random::<bool>()
                .then(|| random.random_range(0.0..=1.0));
            survived(session.instance.after_update(&at, momentum)).map(|_| ())
        }
        5 => {
            let Ok(saved) = session.saved() else {
                return Ok(());
            };
            survived(session.load(&damaged(saved, random)))?;
            driven(session.refresh())
        }
        6 => {
            let batch = odd(session, random);
            let clean = batch
                .features
                .iter()
                .all(|it| it.tensor.isfinite().all().int64_value(&[]) == 1);
            let stepped = survived(session.try_step(&batch))?;
            stepped.map_or(Ok(()), |it| {
                finite(&it, clean && moderate(&session.parameters))
            })
        }
        _ => {
            let batch = session.batch();
            let Some(stepped) = survived(session.try_step(&batch))? else {
                return Ok(());
            };
            finite(&stepped, moderate(&session.parameters))?;
            driven(session.update(&stepped))
        }
    }
}

/// A step on numbers gives numbers, unless training has left the range of single precision.
fn finite(stepped: &StepResult, clean: bool) -> Result<(), Broken> {
    let gradients = || stepped.features.iter().chain(&stepped.parameters).flatten();
    let whole = gradients().all(|grad| grad.isfinite().all().int64_value(&[]) == 1);
    let diverged = |value: f64| value.is_nan() || value >= DIVERGED;
    let overflown =
        || diverged(stepped.loss.abs()) || gradients().any(|grad| diverged(largest(grad)));
    expect(!clean || whole || overflown(), || {
        format!(
            "expected finite gradients with a loss of {}, found NaN or infinity",
            stepped.loss
        )
    })
}

/// Whether the parameters are of a size that a head's output and gradients survive.
fn moderate(parameters: &Named) -> bool {
    parameters.iter().all(|(_, it)| largest(it) < OVERGROWN)
}

/// The largest magnitude among the numbers of a tensor, without NaN and infinity.
fn largest(tensor: &Tensor) -> f64 {
    let numbers = tensor.nan_to_num(0.0, 0.0, 0.0).abs();
    numbers
        .numel()
        .checked_sub(1)
        .map_or(0.0, |_| numbers.max().double_value(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stepped(loss: f64, gradient: &[f32]) -> StepResult {
        StepResult {
            loss,
            features: vec![Some(Tensor::from_slice(gradient)), None],
            parameters: vec![],
            moved: false,
        }
    }

    #[test]
    fn a_gradient_that_is_no_number_is_a_finding() {
        for bad in [f32::NAN, f32::INFINITY] {
            finite(&stepped(3.2, &[1e6, bad]), true).expect_err("not a number among small ones");
            finite(&stepped(3.2, &[bad]), false).expect("the batch was no number either");
        }
        finite(&stepped(3.2, &[1e6, 0.0]), true).expect("numbers");
        finite(&stepped(3.2, &[]), true).expect("no element");
    }

    #[test]
    fn a_gradient_beyond_single_precision_is_no_finding() {
        finite(&stepped(3.2, &[1e27, f32::NAN]), true).expect("it grew out of range");
        finite(&stepped(1e20, &[f32::NAN]), true).expect("the loss did");
        finite(&stepped(f64::NAN, &[f32::NAN]), true).expect("the loss is none");
        let named = |value: f32| vec![("weight".to_owned(), Tensor::from_slice(&[0.0, value]))];
        assert!(moderate(&named(-50.0)));
        assert!(!moderate(&named(i32::MIN as f32)), "what a state may bring");
    }
}
