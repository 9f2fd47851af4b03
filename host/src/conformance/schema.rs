//! Values of configuration keys: in range, at the bounds, out of range, of a wrong type.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use ssl_plugin_api::description::{ConfigKey, Schema, ValueKind};

/// The largest whole number that is drawn where the range goes on: nothing gets too wide to try.
const LARGEST: i64 = 48;

/// Whether a kind takes a value.
#[must_use]
pub fn accepts(kind: &ValueKind, value: &Value) -> bool {
    let key = ConfigKey {
        key: "it".to_owned(),
        kind: kind.clone(),
        default: Value::Null,
        doc: String::new(),
        source: String::new(),
    };
    Schema { keys: vec![key] }
        .resolve(&json!({ "it": value }))
        .is_ok()
}

/// A value that the kind takes, drawn.
#[must_use]
pub fn drawn(kind: &ValueKind, random: &mut ChaCha8Rng) -> Value {
    match kind {
        ValueKind::Bool => random.random::<bool>().into(),
        ValueKind::Int { min, max } => {
            let top = (*max).min(min.saturating_add(LARGEST));
            random.random_range(*min..=top.max(*min)).into()
        }
        ValueKind::Float { min, max, above } => {
            let top = max.min(min + 10.0);
            let share: f64 = random.random();
            let value = min + (top - min) * share;
            let open = *above && value <= *min;
            json!(if open { top } else { value })
        }
        ValueKind::Choice { of } => of.choose(random).cloned().unwrap_or_default().into(),
        ValueKind::List {
            of,
            min_len,
            max_len,
        } => {
            let top = (*max_len).min(min_len + 3);
            let length = random.random_range(*min_len..=top.max(*min_len));
            (0..length).map(|_| drawn(of, random)).collect()
        }
        ValueKind::Optional { of } => {
            if random.random() {
                Value::Null
            } else {
                drawn(of, random)
            }
        }
        ValueKind::Any { of } => of
            .choose(random)
            .map_or(Value::Null, |kind| drawn(kind, random)),
    }
}

/// The ends of the kind's range.
#[must_use]
pub fn bounds(kind: &ValueKind) -> Vec<Value> {
    match kind {
        ValueKind::Bool => vec![true.into(), false.into()],
        ValueKind::Int { min, max } => vec![(*min).into(), (*max).into()],
        ValueKind::Float { min, max, above } => {
            let least = if *above {
                f64::MIN_POSITIVE.max(min.next_up())
            } else {
                *min
            };
            vec![json!(least), json!(max)]
        }
        ValueKind::Choice { of } => of.iter().map(|it| it.clone().into()).collect(),
        ValueKind::List {
            of,
            min_len,
            max_len,
        } => {
            let lengths = [*min_len, (*max_len).min(min_len + 16)];
            let items = bounds(of);
            let full = |length: usize| {
                items
                    .iter()
                    .map(move |item| vec![item.clone(); length].into())
            };
            lengths.into_iter().flat_map(full).collect()
        }
        ValueKind::Optional { of } => [Value::Null].into_iter().chain(bounds(of)).collect(),
        ValueKind::Any { of } => of.iter().flat_map(bounds).collect(),
    }
}

/// Values that the kind does not take: beyond the bounds, of another type, nested, long.
#[must_use]
pub fn refused(kind: &ValueKind) -> Vec<Value> {
    let mut values = vec![
        Value::Null,
        true.into(),
        json!(-1),
        json!(0),
        json!(0.5),
        json!(-0.5),
        json!(1e300),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(""),
        json!("no-such-choice"),
        json!("NaN"),
        json!([]),
        json!([null]),
        json!(["no-such-choice"]),
        json!([-1]),
        json!([[1]]),
        json!({}),
        json!({ "a": 1 }),
    ];
    if let ValueKind::Int { min, max } = kind {
        values.extend(
            [min.checked_sub(1), max.checked_add(1)]
                .into_iter()
                .flatten()
                .map(Value::from),
        );
    }
    if let ValueKind::Float { min, max, above } = kind {
        values.push(json!(if *above { *min } else { min - 1.0 }));
        values.push(json!(max * 2.0));
    }
    values.retain(|value| !accepts(kind, value));
    values
}
