//! Is a data set's correlation with the reference higher than another's?

use super::coefficients::{fisher_interval, pearson_error, spearman_error};
use super::report::FEWEST;
use super::{pearson, spearman};
use crate::Table;

/// The difference of two correlations that share the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The first coefficient minus the second.
    pub value: f64,
    /// Its interval; `None` where a coefficient is ±1.
    pub interval: Option<(f64, f64)>,
}

/// Two data sets by their correlations with the reference, over the rows that have all three cells.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationDifference {
    /// Column of the first data set.
    pub first: usize,
    /// Column of the second data set.
    pub second: usize,
    /// By Pearson's coefficient.
    pub pearson: Option<Difference>,
    /// By Spearman's coefficient.
    pub spearman: Option<Difference>,
}

/// Compares how closely two data sets follow the reference.
///
/// Zou's interval (2007) for correlations with a common variable: with the Fisher interval `[l, u]` of each coefficient,
/// `r₁ - r₂ - sqrt((r₁ - l₁)² + (u₂ - r₂)² - 2c (r₁ - l₁)(u₂ - r₂))` and its mirror image, where
/// `c = ((r₃ - r₁r₂/2)(1 - r₁² - r₂² - r₃²) + r₃³) / ((1 - r₁²)(1 - r₂²))` is the correlation of the two coefficients and
/// `r₃` that of the two data sets. Spearman's coefficients take Bonett and Wright's standard error. `None` inside below
/// four rows or where one side is constant.
#[must_use]
pub fn correlation_difference(
    table: &Table,
    reference: usize,
    (first, second): (usize, usize),
    confidence: f64,
) -> CorrelationDifference {
    let rows = table.complete_rows(&[reference, first, second]);
    let points = |a: usize, b: usize| -> Vec<(f64, f64)> {
        let percent = |row: usize, set: usize| Some(table.cell(row, set)?.percent());
        let point = |&row: &usize| Some((percent(row, a)?, percent(row, b)?));
        rows.iter().filter_map(point).collect()
    };
    let pairs = [
        points(reference, first),
        points(reference, second),
        points(first, second),
    ];
    let by = |coefficient: fn(&[(f64, f64)]) -> Option<f64>, error: fn(f64, usize) -> f64| {
        let [Some(first), Some(second), Some(between)] = pairs.each_ref().map(|it| coefficient(it))
        else {
            return None;
        };
        let interval = |r: f64| fisher_interval(r, error(r, rows.len()), confidence);
        Some(Difference {
            value: first - second,
            interval: interval(first)
                .zip(interval(second))
                .map(|ends| zou([first, second, between], ends)),
        })
    };
    let known = rows.len() >= FEWEST;
    CorrelationDifference {
        first,
        second,
        pearson: known.then(|| by(pearson, pearson_error)).flatten(),
        spearman: known.then(|| by(spearman, spearman_error)).flatten(),
    }
}

/// The interval of `r₁ - r₂` from those of both.
fn zou(
    [first, second, between]: [f64; 3],
    ((low1, high1), (low2, high2)): ((f64, f64), (f64, f64)),
) -> (f64, f64) {
    let left = |r: f64| 1.0 - r * r;
    let common = (between - first * second / 2.0)
        * (1.0 - first * first - second * second - between * between)
        + between.powi(3);
    let c = (common / (left(first) * left(second))).clamp(-1.0, 1.0);
    let reach = |a: f64, b: f64| (a * a + b * b - 2.0 * c * a * b).max(0.0).sqrt();
    let difference = first - second;
    (
        difference - reach(first - low1, high2 - second),
        difference + reach(high1 - first, second - low2),
    )
}
