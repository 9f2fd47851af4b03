//! Effective robustness: accuracy beyond what the reference accuracy predicts.

use super::correlation::{Line, fit_line};
use super::{Cell, Table};

/// Distance of each framework from the logit-scale fit of one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Robustness {
    /// `logit(accuracy) = slope logit(reference) + intercept`.
    pub line: Line,
    /// Accuracy minus the fit's, in points; `None` for a missing cell.
    pub residuals: Vec<Option<f64>>,
    /// Rows whose 0 or 100 % was smoothed to `(k + 1/2)/(n + 1)`, since their logit is infinite.
    pub smoothed: Vec<usize>,
}

/// Fits `logit(data set)` on `logit(reference)` over the rows that have both. `None` where no line is determined.
///
/// Taori et al. 2020 (arXiv:2007.00644) fit reference models; here the frameworks themselves are the reference.
#[must_use]
pub fn effective_robustness(
    table: &Table,
    reference: usize,
    data_set: usize,
) -> Option<Robustness> {
    let both: Vec<Option<(Cell, Cell)>> = (0..table.frameworks().len())
        .map(|row| Some((table.cell(row, reference)?, table.cell(row, data_set)?)))
        .collect();
    let points: Vec<(f64, f64)> = both
        .iter()
        .flatten()
        .map(|(x, y)| (logit(x.inner_share()), logit(y.inner_share())))
        .collect();
    let line = fit_line(&points)?;
    let residual = |(x, y): &(Cell, Cell)| {
        let fitted = 1.0 / (1.0 + (-line.at(logit(x.inner_share()))).exp());
        100.0 * (y.share() - fitted)
    };
    let smoothed = both.iter().enumerate().filter_map(|(row, both)| {
        let (x, y) = both.as_ref()?;
        (x.is_at_edge() || y.is_at_edge()).then_some(row)
    });
    Some(Robustness {
        line,
        residuals: both
            .iter()
            .map(|both| both.as_ref().map(residual))
            .collect(),
        smoothed: smoothed.collect(),
    })
}

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}
