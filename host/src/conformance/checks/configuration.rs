//! Values of a framework's keys: each is a success or a fault, never a panic.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::inputs::generator;
use crate::conformance::schema::{bounds, drawn, refused};
use crate::conformance::session::Session;
use crate::conformance::subject::Subject;
use crate::conformance::verdict::{Broken, Verdict, broken, holds, skipped};
use serde_json::{Value, json};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::Plugin;
use ssl_plugin_api::{Fault, FaultKind};

/// Configurations that are drawn.
const DRAWN: u64 = 24;

inventory::submit! {
    Definition {
        id: "configurations-in-range-work",
        group: Group::Configuration,
        level: 1,
        says: "Configurations drawn from the keys' ranges can be described, created and stepped, or are refused as configurations.",
        why: "A range is a promise; keys that contradict each other are to be refused by name, before training.",
        mend: "Narrow the range, or check keys against each other and the run, and answer with SSL_FAULT_CONFIG.",
        run: Run::Framework(configurations_in_range_work),
    }
}

inventory::submit! {
    Definition {
        id: "bounds-are-survived",
        group: Group::Configuration,
        level: 1,
        says: "The least and the largest value of every key can be described or are refused as configurations.",
        why: "Products of widths overflow and lists of views grow without end at values that the range allows.",
        mend: "Bound the range, or check products before they are computed.",
        run: Run::Framework(bounds_are_survived),
    }
}

inventory::submit! {
    Definition {
        id: "values-out-of-range-are-refused",
        group: Group::Configuration,
        level: 1,
        says: "Values out of range or of another type, and unknown keys, are refused as configurations.",
        why: "A value that is silently taken for another trains something else than was asked for.",
        mend: "Check every key against its range when a framework is described and when it is created, and refuse keys that you do not know.",
        run: Run::Framework(values_out_of_range_are_refused),
    }
}

inventory::submit! {
    Definition {
        id: "refusals-name-the-key",
        group: Group::Configuration,
        level: 2,
        says: "The message of a refused configuration names the key.",
        why: "A configuration has a dozen keys, and the message is all that its author sees.",
        mend: "Begin the message with the key: `temperature`: expected a number in (0, inf), found -1.",
        run: Run::Framework(refusals_name_the_key),
    }
}

/// What an attempt came to: the fault where it was refused as a configuration.
///
/// # Errors
/// Any other fault.
fn outcome<T>(result: Result<T, Fault>, config: &Value) -> Result<Option<Fault>, Broken> {
    Ok(attempted(result, config)?.err())
}

/// What an attempt gave; nothing where it was refused as a configuration.
///
/// # Errors
/// Any other fault.
fn taken<T>(result: Result<T, Fault>, config: &Value) -> Result<Option<T>, Broken> {
    Ok(attempted(result, config)?.ok())
}

fn attempted<T>(result: Result<T, Fault>, config: &Value) -> Result<Result<T, Fault>, Broken> {
    match result {
        Err(fault) if fault.kind != FaultKind::Config => {
            let kind = fault.kind.name();
            let message = format!(
                "expected success or a fault of kind config with {config}, found {kind}: {}",
                fault.message
            );
            Err(Broken {
                message,
                ..Broken::from(fault)
            })
        }
        other => Ok(other),
    }
}

/// The small configuration with one key changed.
pub fn with(subject: &Subject, key: &str, value: Value) -> Value {
    let mut config = subject.config.clone();
    config[key] = value;
    config
}

/// The subject under another configuration.
pub fn under(subject: &Subject, config: &Value) -> Subject {
    Subject {
        config: config.clone(),
        ..subject.clone()
    }
}

fn configurations_in_range_work(subject: &Subject) -> Verdict {
    let keys = &subject.metadata.schema.keys;
    if keys.is_empty() {
        return skipped("it has no keys");
    }
    let plugin = subject.open()?;
    let mut taken = 0;
    for n in 0..DRAWN {
        let mut random = generator(subject.seed(), &[3, n]);
        let mut config = subject.config.clone();
        // A few keys at a time: all at once rarely agree.
        for _ in 0..=n % 3 {
            let key = &keys[rand::RngExt::random_range(&mut random, 0..keys.len())];
            config[&key.key] = drawn(&key.kind, &mut random);
        }
        taken += u64::from(tried(subject, &plugin, &config)?);
    }
    holds(format!(
        "{taken} of {DRAWN} configurations were taken, the others refused as such"
    ))
}

/// Describes, creates and steps under a configuration; whether it was taken.
pub fn tried(subject: &Subject, plugin: &Plugin, config: &Value) -> Result<bool, Broken> {
    let subject = under(subject, config);
    // One instance for all: each may be a process that takes seconds to start.
    let Some(description) = taken(plugin.describe(subject.id(), config), config)? else {
        return Ok(false);
    };
    let created = subject
        .create(plugin)
        .and_then(|mut it| it.parameters().map(|_| it));
    let Some(instance) = taken(created, config)? else {
        return Ok(false);
    };
    let during = |broken: Broken| Broken {
        message: format!("with {config}: {}", broken.message),
        ..broken
    };
    let mut session = Session::of(instance, description, subject.context()).map_err(during)?;
    session.begin(0).map_err(during)?;
    let batch = session.batch();
    match session.try_step(&batch) {
        // An extreme temperature may well leave the range of numbers, as long as it is said.
        Err(fault) if matches!(fault.kind, FaultKind::Numeric | FaultKind::Config) => Ok(true),
        other => other.map(|_| true).map_err(|fault| during(fault.into())),
    }
}

fn bounds_are_survived(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut count = 0;
    for key in &subject.metadata.schema.keys {
        for value in bounds(&key.kind) {
            let config = with(subject, &key.key, value);
            outcome(plugin.describe(subject.id(), &config), &config)?;
            count += 1;
        }
    }
    holds(format!("{count} bounds are described or refused"))
}

fn values_out_of_range_are_refused(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let context = subject.context();
    let mut count = 0;
    let mut wrong = vec![
        with(subject, "no-such-key", json!(1)),
        json!([]),
        json!("text"),
        json!(3),
    ];
    for key in &subject.metadata.schema.keys {
        let values = refused(&key.kind).into_iter();
        wrong.extend(values.map(|value| with(subject, &key.key, value)));
    }
    for config in wrong {
        let services = std::sync::Arc::new(ssl_plugin_api::SingleProcess);
        let described = outcome(plugin.describe(subject.id(), &config), &config)?;
        let created = plugin.create(subject.id(), &config, &context, services);
        let created = outcome(created, &config)?;
        for (call, refusal) in [("describe", described), ("create", created)] {
            if refusal.is_none() {
                return Err(broken(format!(
                    "{call}: expected {config} to be refused, found it taken"
                )));
            }
        }
        count += 1;
    }
    holds(format!("{count} configurations are refused"))
}

fn refusals_name_the_key(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut keys: Vec<(String, Value)> = vec![("no-such-key".to_owned(), json!(1))];
    for key in &subject.metadata.schema.keys {
        let values = refused(&key.kind).into_iter();
        keys.extend(values.map(|value| (key.key.clone(), value)));
    }
    let mut count = 0;
    for (key, value) in keys {
        let config = with(subject, &key, value);
        if let Some(refusal) = outcome(plugin.describe(subject.id(), &config), &config)? {
            let message = refusal.message;
            if !message.contains(&key) {
                return Err(broken(format!(
                    "expected the refusal of {config} to name `{key}`, found: {message}"
                )));
            }
            count += 1;
        }
    }
    holds(format!("{count} refusals name the key"))
}
