//! Everything about one data set against the reference.

use super::coefficients::{
    fisher_interval, kendall_error, pearson_error, spearman_error, spearman_of_places, spearman_p,
    t_test,
};
use super::kendall::tau_b_of_places;
use super::{Kendall, Line, bootstrap, fit_line, kendall, pearson, spearman};
use crate::Table;

/// Frameworks from which on a correlation is given.
pub(super) const FEWEST: usize = 4;

/// A coefficient; all `None` where one side is constant or there are fewer than four points.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// The coefficient, in `[-1, 1]`.
    pub value: Option<f64>,
    /// Two-sided p value against no association.
    pub p: Option<f64>,
    /// Interval by Fisher's transform.
    pub interval: Option<(f64, f64)>,
    /// Percentile interval over resampled frameworks.
    pub bootstrap: Option<(f64, f64)>,
}

/// How far Pearson's coefficient moves when one framework is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeaveOneOut {
    /// Smallest coefficient and the row left out for it.
    pub lowest: (f64, usize),
    /// Largest coefficient and the row left out for it.
    pub highest: (f64, usize),
}

/// One data set against the reference, over the rows that have both.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlations {
    /// Rows with both cells.
    pub rows: Vec<usize>,
    /// Linear; Fisher standard error `1/sqrt(n - 3)`.
    pub pearson: Estimate,
    /// Of ranks; standard error `sqrt((1 + r²/2)/(n - 3))` (Bonett and Wright 2000).
    pub spearman: Estimate,
    /// τ-b; standard error `sqrt(0.437/(n - 4))` (Fieller, Hartley and Pearson 1957).
    pub kendall: Estimate,
    /// Concordant, discordant and tied pairs.
    pub pairs: Option<Kendall>,
    /// Pearson without each framework in turn.
    pub leave_one_out: Option<LeaveOneOut>,
    /// Accuracy on the data set as a line of the accuracy on the reference, in percent.
    pub line: Option<Line>,
}

/// Correlates a data set with the reference; intervals at `confidence`, `draws` bootstrap resamples from `seed`.
#[must_use]
pub fn correlations(
    table: &Table,
    reference: usize,
    data_set: usize,
    confidence: f64,
    draws: usize,
    seed: u64,
) -> Correlations {
    let (rows, points): (Vec<usize>, Vec<(f64, f64)>) = (0..table.frameworks().len())
        .filter_map(|row| {
            let (x, y) = (table.cell(row, reference)?, table.cell(row, data_set)?);
            Some((row, (x.percent(), y.percent())))
        })
        .unzip();
    let n = rows.len();
    // Three points lie on a line too often to say anything.
    let points = if n < FEWEST { Vec::new() } else { points };
    let [by_pearson, by_spearman, by_kendall] = if points.is_empty() {
        [None; 3]
    } else {
        bootstrap::intervals(
            &points,
            [
                &|it| pearson(&it.points),
                &|it| spearman_of_places(&it.places),
                &|it| tau_b_of_places(&it.places),
            ],
            draws,
            confidence,
            seed,
        )
    };
    let estimate =
        |value: Option<f64>, p: Option<f64>, error: fn(f64, usize) -> f64, bootstrap| Estimate {
            value,
            p,
            interval: value.and_then(|r| fisher_interval(r, error(r, n), confidence)),
            bootstrap: value.and(bootstrap),
        };
    let (r, rho) = (pearson(&points), spearman(&points));
    let pairs = (!points.is_empty()).then(|| kendall(&points)).flatten();
    let t = |r: Option<f64>| r.and_then(|r| t_test(r, n));
    Correlations {
        pearson: estimate(r, t(r), pearson_error, by_pearson),
        spearman: estimate(
            rho,
            rho.and_then(|rho| spearman_p(&points, rho)),
            spearman_error,
            by_spearman,
        ),
        kendall: estimate(
            pairs.map(|pairs| pairs.tau_b),
            pairs.map(|pairs| pairs.p),
            kendall_error,
            by_kendall,
        ),
        pairs,
        leave_one_out: leave_one_out(&rows, &points),
        line: fit_line(&points),
        rows,
    }
}

fn leave_one_out(rows: &[usize], points: &[(f64, f64)]) -> Option<LeaveOneOut> {
    let without = |left_out: usize| {
        let mut rest = points.to_vec();
        rest.remove(left_out);
        pearson(&rest).map(|r| (r, rows[left_out]))
    };
    let all: Vec<(f64, usize)> = (0..points.len()).filter_map(without).collect();
    Some(LeaveOneOut {
        lowest: all.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0))?,
        highest: all.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0))?,
    })
}
