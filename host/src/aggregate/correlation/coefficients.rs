//! Pearson's and Spearman's coefficients with their tests.

use crate::aggregate::distribution::{normal_critical, student_two_sided};
use crate::aggregate::{Rank, rank_by};

/// Pearson's correlation of `(x, y)` points; `None` if either side is constant.
#[must_use]
pub fn pearson(points: &[(f64, f64)]) -> Option<f64> {
    let first = points.first()?;
    if points.iter().all(|point| point.0 == first.0)
        || points.iter().all(|point| point.1 == first.1)
    {
        return None;
    }
    let n = points.len() as f64;
    let mean_x = points.iter().map(|point| point.0).sum::<f64>() / n;
    let mean_y = points.iter().map(|point| point.1).sum::<f64>() / n;
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    Some((xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's correlation: Pearson's of the average ranks; `None` if either side is constant.
#[must_use]
pub fn spearman(points: &[(f64, f64)]) -> Option<f64> {
    let ranks = |side: &dyn Fn(&(f64, f64)) -> f64| {
        let values: Vec<Option<f64>> = points.iter().map(|point| Some(side(point))).collect();
        rank_by(&values, |a: &f64, b| b.total_cmp(a))
            .into_iter()
            .flatten()
            .map(Rank::average)
    };
    let points: Vec<(f64, f64)> = ranks(&|point| point.0)
        .zip(ranks(&|point| point.1))
        .collect();
    pearson(&points)
}

/// Two-sided p value of `r` from `n` points: `t = r sqrt((n - 2)/(1 - r²))` with `n - 2` degrees of freedom.
pub(super) fn t_test(r: f64, n: usize) -> Option<f64> {
    if n < 3 {
        return None;
    }
    let df = n as f64 - 2.0;
    if r.abs() >= 1.0 {
        return Some(0.0);
    }
    Some(student_two_sided(r * (df / (1.0 - r * r)).sqrt(), df))
}

/// `tanh(atanh(r) ± z se)`; `None` at `|r| = 1`, where the transform is infinite.
pub(super) fn fisher_interval(r: f64, standard_error: f64, confidence: f64) -> Option<(f64, f64)> {
    let half = normal_critical(confidence) * standard_error;
    let finite = r.abs() < 1.0 && half.is_finite();
    finite.then(|| ((r.atanh() - half).tanh(), (r.atanh() + half).tanh()))
}
