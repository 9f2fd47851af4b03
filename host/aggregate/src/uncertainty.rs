//! How far sampling and rounding can move an accuracy or an aggregate.

use super::distribution::normal_critical;
use super::{Aggregate, Cell, Table};

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
/// `sqrt(Σ (∂g/∂p_d)² p_d (1 - p_d)/n_d)`, data sets taken as independent samples and a single run. `None` for the mean
/// rank, for a missing cell, for an empty pool, and where a zero accuracy makes the derivative infinite.
#[must_use]
pub fn standard_error(
    table: &Table,
    pool: &[usize],
    aggregate: Aggregate,
    framework: usize,
) -> Option<f64> {
    combined_error(table, pool, aggregate, framework, |place| vec![place])
}

/// As [`standard_error`], with data sets of the same images correlated in full: the largest it can be.
#[must_use]
pub fn standard_error_of_shared_images(
    table: &Table,
    pool: &[usize],
    aggregate: Aggregate,
    framework: usize,
) -> Option<f64> {
    combined_error(table, pool, aggregate, framework, |place| {
        let same = table.same_images(pool[place]);
        let members = (0..pool.len()).filter(|&other| same.contains(&pool[other]));
        members.collect()
    })
}

/// The root of the sum over groups of the square of what their members add; `group` gives the places in the pool that
/// are correlated in full with one place.
fn combined_error(
    table: &Table,
    pool: &[usize],
    aggregate: Aggregate,
    framework: usize,
    group: impl Fn(usize) -> Vec<usize>,
) -> Option<f64> {
    let terms = terms(table, pool, aggregate, framework)?;
    let squares = (0..pool.len()).map(|place| {
        let group = group(place);
        if group.first() != Some(&place) {
            return 0.0;
        }
        let sum: f64 = group.iter().map(|&member| terms[member].abs()).sum();
        sum * sum
    });
    Some(squares.sum::<f64>().sqrt()).filter(|error| error.is_finite())
}

/// What each data set of the pool adds to the error, `∂g/∂p_d` times the standard error of `p_d`.
fn terms(
    table: &Table,
    pool: &[usize],
    aggregate: Aggregate,
    framework: usize,
) -> Option<Vec<f64>> {
    if pool.is_empty() {
        return None;
    }
    let cells: Vec<Cell> = pool
        .iter()
        .map(|&set| table.cell(framework, set))
        .collect::<Option<_>>()?;
    let inputs: Vec<(f64, f64)> = cells
        .iter()
        .map(|cell| (cell.percent(), cell.n() as f64))
        .collect();
    let slopes = gradient(aggregate, &inputs);
    let errors = cells.iter().map(|cell| 100.0 * cell.standard_error());
    Some(slopes.iter().zip(errors).map(|(a, b)| a * b).collect())
}

/// `∂g/∂p_d` of an aggregate at `(p_d, n_d)`; NaN for the mean rank.
pub(super) fn gradient(aggregate: Aggregate, inputs: &[(f64, f64)]) -> Vec<f64> {
    let value = aggregate.combine(inputs);
    let count = inputs.len() as f64;
    let images: f64 = inputs.iter().map(|(_, n)| n).sum();
    let slope = |&(p, n): &(f64, f64)| match aggregate {
        Aggregate::Weighted => n / images,
        Aggregate::Arithmetic => 1.0 / count,
        Aggregate::Geometric => value / (count * p),
        Aggregate::WeightedGeometric => value * n / (images * p),
        Aggregate::Harmonic => value * value / (count * p * p),
        Aggregate::MeanRank => f64::NAN,
    };
    inputs.iter().map(slope).collect()
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

/// `gap / error`, where no error makes any gap certain and no gap even.
pub(super) fn ratio(gap: f64, error: f64) -> f64 {
    if gap == 0.0 { 0.0 } else { gap / error }
}
