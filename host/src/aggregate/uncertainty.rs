//! How far sampling and rounding can move an accuracy or an aggregate.

use super::distribution::{normal_cdf, normal_critical};
use super::{Aggregate, Cell, Scores, Table};

/// Wilson's score interval of an accuracy, in percent.
///
/// `(p + z²/2n ± z sqrt(p (1 - p)/n + z²/4n²)) / (1 + z²/n)`; never leaves `[0, 100]` and has width at 0 and 100 %.
#[must_use]
pub fn wilson(cell: &Cell, confidence: f64) -> (f64, f64) {
    let (p, n, z) = (cell.share(), cell.n() as f64, normal_critical(confidence));
    let centre = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 100.0 / (1.0 + z * z / n);
    (
        (centre - half).max(0.0) * scale,
        ((centre + half) * scale).min(100.0),
    )
}

/// Standard error of an aggregate of one framework, in points, by the delta method.
///
/// `sqrt(Σ (∂g/∂p_d)² p_d (1 - p_d)/n_d)`, data sets taken as independent samples. `None` for the mean rank, for a
/// missing cell, and where a zero accuracy makes the derivative infinite.
#[must_use]
pub fn standard_error(
    table: &Table,
    pool: &[usize],
    aggregate: Aggregate,
    framework: usize,
) -> Option<f64> {
    let cells: Vec<Cell> = pool
        .iter()
        .map(|&set| table.cell(framework, set))
        .collect::<Option<_>>()?;
    let inputs: Vec<(f64, f64)> = cells
        .iter()
        .map(|cell| (cell.percent(), cell.n() as f64))
        .collect();
    let value = aggregate.combine(&inputs);
    let count = inputs.len() as f64;
    let images: f64 = inputs.iter().map(|(_, n)| n).sum();
    let derivative = |p: f64, n: f64| match aggregate {
        Aggregate::Weighted => n / images,
        Aggregate::Arithmetic => 1.0 / count,
        Aggregate::Geometric => value / (count * p),
        Aggregate::WeightedGeometric => value * n / (images * p),
        Aggregate::Harmonic => value * value / (count * p * p),
        Aggregate::MeanRank => f64::NAN,
    };
    let terms = cells.iter().zip(&inputs).map(|(cell, &(p, n))| {
        let term = derivative(p, n) * 100.0 * cell.standard_error();
        term * term
    });
    Some(terms.sum::<f64>().sqrt()).filter(|error| error.is_finite())
}

/// Range over which the rounding of published percentages alone can move an aggregate.
///
/// Every cell at its lower, then at its upper end. `None` for the mean rank and for a missing cell.
#[must_use]
pub fn rounding_range(
    table: &Table,
    pool: &[usize],
    aggregate: Aggregate,
    framework: usize,
) -> Option<(f64, f64)> {
    if aggregate == Aggregate::MeanRank || pool.is_empty() {
        return None;
    }
    let cells: Vec<Cell> = pool
        .iter()
        .map(|&set| table.cell(framework, set))
        .collect::<Option<_>>()?;
    let moved = |sign: f64| {
        let inputs: Vec<(f64, f64)> = cells
            .iter()
            .map(|cell| {
                let percent = cell.percent() + sign * cell.rounding();
                (percent.clamp(0.0, 100.0), cell.n() as f64)
            })
            .collect();
        aggregate.combine(&inputs)
    };
    Some((moved(-1.0), moved(1.0)))
}

/// The distance between the first and the second place.
#[derive(Debug, Clone, PartialEq)]
pub struct Lead {
    /// Row on the first place; the topmost of several.
    pub leader: usize,
    /// Row on the second place, or another one on the first.
    pub runner_up: usize,
    /// Difference of their aggregates, in points, not negative.
    pub gap: f64,
    /// Standard error of the gap, `sqrt(se² + se²)`.
    pub standard_error: f64,
    /// `gap / standard_error`.
    pub z: f64,
    /// `Φ(z)`: probability that the leader stays ahead of this rival on newly drawn images.
    pub stays_ahead: f64,
}

/// The lead by an aggregate, with what sampling error leaves of it.
///
/// `None` without two values, and for aggregates without a standard error.
#[must_use]
pub fn lead(table: &Table, pool: &[usize], scores: &Scores) -> Option<Lead> {
    let order = scores.order();
    let (&leader, &runner_up) = (order.first()?, order.get(1)?);
    let gap = (scores.values[leader]? - scores.values[runner_up]?).abs();
    let error = |row| standard_error(table, pool, scores.aggregate, row);
    let standard_error = error(leader)?.hypot(error(runner_up)?);
    let z = ratio(gap, standard_error);
    Some(Lead {
        leader,
        runner_up,
        gap,
        standard_error,
        z,
        stays_ahead: normal_cdf(z),
    })
}

/// `gap / error`, where no error makes any gap certain and no gap even.
pub(super) fn ratio(gap: f64, error: f64) -> f64 {
    if gap == 0.0 { 0.0 } else { gap / error }
}
