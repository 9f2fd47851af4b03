//! A narrow configuration of a framework that this host knows nothing about.
//!
//! Frameworks are wide by default: projectors of 8,192, prototypes of 65,536. Checks need neither.
//! Whole numbers above 64 are brought down to a few, one key after the other, and stay down where
//! the framework agrees and becomes smaller by it.

use super::schema::accepts;
use super::subject::{BATCH, Library, Subject, context};
use serde_json::{Map, Value};
use ssl_plugin_api::description::{ConfigKey, Metadata, ValueKind};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::Plugin;
use ssl_plugin_api::{Fault, FaultKind, NamedTensor, SingleProcess};
use std::sync::Arc;

/// Numbers up to this one are left as they are.
const WIDE: i64 = 64;
/// What wide numbers become, the first that is taken: multiples of the batch for queues.
const NARROW: [i64; 4] = [2 * BATCH as i64, BATCH as i64, 4 * BATCH as i64, WIDE];

/// A narrow configuration: what is not in it keeps its default.
#[must_use]
pub fn small(plugin: &Plugin, library: &Library, metadata: &Metadata) -> Value {
    let mut subject = Subject {
        library: library.clone(),
        metadata: metadata.clone(),
        config: Value::Null,
    };
    let mut config = Map::new();
    for key in &metadata.schema.keys {
        if let Some(value) = NARROW.into_iter().find_map(|width| narrowed(key, width)) {
            config.insert(key.key.clone(), value);
        }
    }
    repair(&mut subject, plugin, &mut config);
    for key in &metadata.schema.keys {
        if key.default.is_null() {
            shrink(&mut subject, plugin, &mut config, key);
        }
    }
    Value::Object(config)
}

/// Takes other values for the keys that the framework refuses, and at last the default.
fn repair(subject: &mut Subject, plugin: &Plugin, config: &mut Map<String, Value>) {
    for _ in 0..4 * subject.metadata.schema.keys.len() {
        subject.config = Value::Object(config.clone());
        let Err(fault) = size(subject, plugin) else {
            return;
        };
        let mut keys = subject.metadata.schema.keys.iter();
        let Some(key) = keys.find(|key| blames(&fault, &key.key)) else {
            return;
        };
        let name = key.key.clone();
        let value = |width| match key.default {
            // What null stands for is wide, it seems.
            Value::Null => of_kind(&key.kind, width),
            _ => narrowed(key, width),
        };
        let values: Vec<Value> = NARROW.into_iter().filter_map(value).collect();
        if !config.contains_key(&name) {
            let Some(first) = values.first() else { return };
            config.insert(name, first.clone());
            continue;
        }
        let tried = values
            .iter()
            .position(|value| Some(value) == config.get(&name));
        match tried.and_then(|place| values.get(place + 1)) {
            Some(next) => config.insert(name, next.clone()),
            None => config.remove(&name),
        };
    }
}

/// Gives a key that is null by default a narrow value where that makes the framework smaller.
fn shrink(
    subject: &mut Subject,
    plugin: &Plugin,
    config: &mut Map<String, Value>,
    key: &ConfigKey,
) {
    subject.config = Value::Object(config.clone());
    let before = size(subject, plugin).unwrap_or((usize::MAX, usize::MAX));
    for width in NARROW {
        let Some(value) = of_kind(&key.kind, width) else {
            return;
        };
        let mut tried = config.clone();
        tried.insert(key.key.clone(), value);
        subject.config = Value::Object(tried.clone());
        match size(subject, plugin) {
            Ok(after) if after < before => {
                *config = tried;
                return;
            }
            Err(fault) if blames(&fault, &key.key) => {}
            _ => return,
        }
    }
}

fn blames(fault: &Fault, key: &str) -> bool {
    fault.kind == FaultKind::Config && fault.message.contains(&format!("`{key}`"))
}

/// How large a framework is: views, then elements of parameters and state.
fn size(subject: &Subject, plugin: &Plugin) -> Result<(usize, usize), Fault> {
    let views = plugin.describe(subject.id(), &subject.config)?.view_count();
    let context = context(subject.seed());
    let mut instance = subject.create_in(plugin, &context, Arc::new(SingleProcess))?;
    let count = |list: Vec<NamedTensor>| -> usize { list.iter().map(|n| n.tensor.len()).sum() };
    let parameters = count(instance.parameters()?);
    Ok((views, parameters + count(instance.state()?)))
}

/// The default with `width` for what is wide in it; nothing where nothing is, or that is out of range.
fn narrowed(key: &ConfigKey, width: i64) -> Option<Value> {
    let narrow = |value: &Value| match value.as_i64() {
        Some(number) if number > WIDE => Value::from(width),
        _ => value.clone(),
    };
    let value = match &key.default {
        Value::Array(items) => Value::Array(items.iter().map(narrow).collect()),
        other => narrow(other),
    };
    let changed = value != key.default;
    (changed && accepts(&key.kind, &value)).then_some(value)
}

/// A whole number of this width, or a list of one, where the key takes that.
fn of_kind(kind: &ValueKind, width: i64) -> Option<Value> {
    match kind {
        ValueKind::Int { .. } => accepts(kind, &width.into()).then(|| width.into()),
        ValueKind::List { .. } => {
            let list = Value::from(vec![width]);
            accepts(kind, &list).then_some(list)
        }
        ValueKind::Optional { of } => of_kind(of, width),
        _ => None,
    }
}
