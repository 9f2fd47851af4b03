//! What the keys of a [`config!`](crate::config!) may be.

use ssl_plugin_api::description::ValueKind;

/// `true` or `false`.
#[must_use]
pub const fn boolean() -> ValueKind {
    ValueKind::Bool
}

/// A whole number of at least `min`.
#[must_use]
pub const fn at_least(min: i64) -> ValueKind {
    ValueKind::at_least(min)
}

/// A whole number in `min ..= max`. Whatever views, layers or groups are counted from has an upper end:
/// a description with a billion of them would end the machine that reads it.
#[must_use]
pub const fn whole(min: i64, max: i64) -> ValueKind {
    ValueKind::Int { min, max }
}

/// Number of layers of a head: 1 to 8. Deeper heads multiply gradients, by up to 300 in each batch norm of
/// constant features, until they leave single precision.
#[must_use]
pub const fn layers() -> ValueKind {
    whole(1, 8)
}

/// Widths of a head's layers, 1 to 8 of them; see [`layers`].
#[must_use]
pub fn widths() -> ValueKind {
    list_of(at_least(1), 1, 8)
}

/// What scores are divided by before an exponential: 0.0001 to 10000. Beyond, scores or gradients leave single
/// precision.
#[must_use]
pub const fn temperature() -> ValueKind {
    between(1e-4, 1e4)
}

/// A factor on scores or on a term of the loss: above 0, at most a million, so that gradients stay within single
/// precision.
#[must_use]
pub const fn factor() -> ValueKind {
    ValueKind::Float {
        min: 0.0,
        max: 1e6,
        above: true,
    }
}

/// A [`factor`], or 0 for a term that is left out.
#[must_use]
pub const fn weight() -> ValueKind {
    between(0.0, 1e6)
}

/// Any finite number above 0.
#[must_use]
pub const fn positive() -> ValueKind {
    ValueKind::positive()
}

/// Any finite number of at least 0.
#[must_use]
pub const fn not_negative() -> ValueKind {
    between(0.0, f64::MAX)
}

/// A number from 0 to 1.
#[must_use]
pub const fn fraction() -> ValueKind {
    ValueKind::fraction()
}

/// A number above 0, and at most 1.
#[must_use]
pub const fn share() -> ValueKind {
    ValueKind::Float {
        min: 0.0,
        max: 1.0,
        above: true,
    }
}

/// A number from `min` to `max`.
#[must_use]
pub const fn between(min: f64, max: f64) -> ValueKind {
    ValueKind::Float {
        min,
        max,
        above: false,
    }
}

/// One of these strings.
#[must_use]
pub fn one_of(strings: &[&str]) -> ValueKind {
    ValueKind::choice(strings)
}

/// A list of at least one item.
#[must_use]
pub fn list(of: ValueKind) -> ValueKind {
    list_of(of, 1, usize::MAX)
}

/// A list of `min` to `max` items.
#[must_use]
pub fn list_of(of: ValueKind, min: usize, max: usize) -> ValueKind {
    ValueKind::list(of, min, max)
}

/// A value of one of these kinds.
#[must_use]
pub fn any_of(kinds: &[ValueKind]) -> ValueKind {
    ValueKind::Any { of: kinds.to_vec() }
}

/// A value, or null.
#[must_use]
pub fn or_null(of: ValueKind) -> ValueKind {
    ValueKind::Optional { of: Box::new(of) }
}
