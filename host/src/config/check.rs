//! Ranges: every value out of range is collected, none stops the search.

use crate::backbone::BackboneConfig;
use std::fmt::Display;

/// More threads than machines have processors; with a million of them a cell is never ready.
const MOST_THREADS: usize = 1024;
/// Items of a list that are compared with each other.
const MOST_ITEMS: usize = 10_000;

/// Collects the values that are out of range.
#[derive(Debug, Default)]
pub struct Checks {
    pub(super) found: Vec<OutOfRange>,
}

#[derive(Debug)]
pub(super) struct OutOfRange {
    pub path: Vec<String>,
    pub message: String,
}

impl Checks {
    /// Requires that the network at `path` can be built.
    pub(super) fn backbone(&mut self, path: &str, backbone: &BackboneConfig) {
        let built = backbone.validate().is_ok();
        self.require(
            &format!("{path}.width"),
            built,
            "a number in (0, 8]",
            backbone.width,
        );
    }

    /// Requires that `ok` holds of the value at `path` (dotted), and says what was expected.
    pub fn require(
        &mut self,
        path: &str,
        ok: bool,
        expected: impl Display,
        found: impl Display,
    ) -> &mut Self {
        if !ok {
            self.found.push(OutOfRange {
                path: path.split('.').map(str::to_owned).collect(),
                message: format!("`{path}`: expected {expected}, found {found}"),
            });
        }
        self
    }

    /// Requires a whole number of at least `min`.
    pub fn at_least(&mut self, path: &str, value: u64, min: u64) -> &mut Self {
        self.require(
            path,
            value >= min,
            format_args!("a whole number >= {min}"),
            value,
        )
    }

    /// Requires a number of threads that a machine can have.
    pub fn threads(&mut self, path: &str, value: usize) -> &mut Self {
        let ok = (1..=MOST_THREADS).contains(&value);
        let expected = format_args!("a whole number in 1..={MOST_THREADS}");
        self.require(path, ok, expected, value)
    }

    /// Requires a finite number above 0.
    pub fn positive(&mut self, path: &str, value: f64) -> &mut Self {
        self.require(
            path,
            value.is_finite() && value > 0.0,
            "a number in (0, inf)",
            value,
        )
    }

    /// Requires a finite number of at least 0.
    pub fn not_negative(&mut self, path: &str, value: f64) -> &mut Self {
        self.require(
            path,
            value.is_finite() && value >= 0.0,
            "a number in [0, inf)",
            value,
        )
    }

    /// Requires a list without repetitions that is not empty.
    pub fn distinct<T: PartialEq + Display>(&mut self, path: &str, items: &[T]) -> &mut Self {
        self.require(
            path,
            !items.is_empty(),
            "at least one item",
            "an empty list",
        );
        let count = items.len();
        if count > MOST_ITEMS {
            let expected = format_args!("at most {MOST_ITEMS} items");
            return self.require(path, false, expected, count);
        }
        for (n, item) in items.iter().enumerate() {
            let at = format!("{path}.{n}");
            let again = items[..n].contains(item);
            self.require(&at, !again, "items without repetition", item);
        }
        self
    }
}
