//! Do the data sets agree on the order of the frameworks?

use super::distribution::{chi_squared_tail, fisher_tail, studentized_range_critical};
use super::{Rank, Table, ranks_among};

/// Agreement of all data sets at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Concordance {
    /// Rows with a cell in every data set; the others take no part.
    pub rows: Vec<usize>,
    /// Mean of the average ranks of `rows`.
    pub mean_ranks: Vec<f64>,
    /// Kendall's W, corrected for ties: 1 is full agreement, 0 none.
    pub kendall_w: f64,
    /// Friedman's statistic `m (k - 1) W`, for `m` data sets and `k` frameworks.
    pub friedman: f64,
    /// `k - 1`.
    pub degrees_of_freedom: usize,
    /// `P(X >= friedman)` by the chi-squared approximation.
    pub p: f64,
    /// Iman and Davenport's `(m - 1) friedman / (m (k - 1) - friedman)`, less conservative; `None` for one data set or
    /// full agreement, where it is infinite.
    pub iman_davenport: Option<f64>,
    /// `P(F >= iman_davenport)` with `k - 1` and `(k - 1)(m - 1)` degrees of freedom.
    pub iman_davenport_p: Option<f64>,
    /// Nemenyi's critical difference of mean ranks at `alpha`; which pairs it tells apart depends on who else is in the
    /// table.
    pub critical_difference: f64,
}

/// Kendall's W, Friedman's test and Nemenyi's critical difference over the columns `pool`.
///
/// `W = 12 S / (m² (k³ - k) - m Σ (t³ - t))` with `S` the squared deviations of the rank sums and `t` the sizes of
/// ties; `CD = q_alpha(k, ∞)/√2 sqrt(k (k + 1) / 6m)`. `None` for fewer than two complete rows, an empty pool, or
/// data sets on which everything ties.
#[must_use]
pub fn concordance(table: &Table, pool: &[usize], alpha: f64) -> Option<Concordance> {
    let rows = table.complete_rows(pool);
    if rows.len() < 2 || pool.is_empty() {
        return None;
    }
    let (k, m) = (rows.len() as f64, pool.len() as f64);
    let mut sums = vec![0.0; rows.len()];
    let mut ties = 0.0;
    for &set in pool {
        let ranks: Vec<Rank> = ranks_among(table, set, &rows)
            .into_iter()
            .flatten()
            .collect();
        for (sum, rank) in sums.iter_mut().zip(&ranks) {
            *sum += rank.average();
            // Each of the t members of a tie adds (t³ - t)/t.
            ties += f64::from(rank.tied).powi(2) - 1.0;
        }
    }
    let mean = m * (k + 1.0) / 2.0;
    let deviations: f64 = sums.iter().map(|sum| (sum - mean) * (sum - mean)).sum();
    let denominator = m * m * (k * k * k - k) - m * ties;
    if denominator <= 0.0 {
        return None;
    }
    let kendall_w = 12.0 * deviations / denominator;
    let friedman = m * (k - 1.0) * kendall_w;
    let left = m * (k - 1.0) - friedman;
    let iman_davenport = (m > 1.0 && left > 1e-9 * m * k).then(|| (m - 1.0) * friedman / left);
    let q = studentized_range_critical(1.0 - alpha, rows.len());
    Some(Concordance {
        mean_ranks: sums.iter().map(|sum| sum / m).collect(),
        kendall_w,
        friedman,
        degrees_of_freedom: rows.len() - 1,
        p: chi_squared_tail(friedman, k - 1.0),
        iman_davenport,
        iman_davenport_p: iman_davenport.map(|f| fisher_tail(f, k - 1.0, (k - 1.0) * (m - 1.0))),
        critical_difference: q / std::f64::consts::SQRT_2 * (k * (k + 1.0) / (6.0 * m)).sqrt(),
        rows,
    })
}
