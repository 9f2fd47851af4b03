//! What outcomes and runs say about the pairs of a data set.

use super::{Evidence, PairTests, pair_tests_with};
use crate::{Interactions, PairedOutcomes, Table};

/// Tests all pairs of one data set with all that is known: [`Evidence::Discordant`] for two single runs with outcomes,
/// [`Evidence::Runs`] where runs are repeated, [`Evidence::Counts`] else.
#[must_use]
pub fn pair_tests_of(
    table: &Table,
    data_set: usize,
    alpha: f64,
    outcomes: Option<&PairedOutcomes>,
    interactions: &Interactions,
) -> PairTests {
    let repeated = |row: usize| table.runs(row).unit().is_some();
    let known = outcomes.filter(|outcomes| outcomes.covers(table, data_set));
    let means: Vec<Option<Vec<f32>>> = (0..table.frameworks().len())
        .map(|row| known.filter(|_| table.repeats())?.mean(row))
        .collect();
    pair_tests_with(table, data_set, alpha, |a, b| {
        if !repeated(a) && !repeated(b) {
            let discordant = outcomes.and_then(|outcomes| outcomes.discordant(a, b));
            return discordant.map_or(Evidence::Counts, Evidence::Discordant);
        }
        let images = match (&means[a], &means[b]) {
            (Some(a), Some(b)) => variance_of_mean(a, b),
            _ => [a, b]
                .iter()
                .filter_map(|&row| table.cell(row, data_set))
                .map(|cell| cell.standard_error().powi(2))
                .sum(),
        };
        Evidence::Runs {
            images: 1e4 * images,
            runs: [a, b].map(|row| interactions.on(table, data_set, row)),
        }
    })
}

/// Variance of the mean of `a - b` over images.
fn variance_of_mean(a: &[f32], b: &[f32]) -> f64 {
    let n = a.len() as f64;
    let differences = || a.iter().zip(b).map(|(a, b)| f64::from(a - b));
    let mean = differences().sum::<f64>() / n;
    let squares: f64 = differences().map(|d| (d - mean).powi(2)).sum();
    squares / (n - 1.0).max(1.0) / n
}
