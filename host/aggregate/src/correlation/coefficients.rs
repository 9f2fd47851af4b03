//! Pearson's and Spearman's coefficients with their tests.

use crate::distribution::{normal_critical, student_two_sided};
use crate::{Rank, rank_by};

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

/// As [`spearman`], of places among the distinct values of each side.
pub(super) fn spearman_of_places([x, y]: &[Vec<u32>; 2]) -> Option<f64> {
    let points: Vec<(f64, f64)> = average_ranks(x).zip(average_ranks(y)).collect();
    pearson(&points)
}

/// Average ranks from 1 for the lowest, counted out instead of sorted.
fn average_ranks(places: &[u32]) -> impl Iterator<Item = f64> {
    let most = places.iter().max().map_or(0, |most| *most as usize + 1);
    let mut counts = vec![0u32; most];
    for &place in places {
        counts[place as usize] += 1;
    }
    let mut before = 0;
    let average = |&count: &u32| {
        let first = before;
        before += count;
        f64::from(first) + f64::from(count + 1) / 2.0
    };
    let averages: Vec<f64> = counts.iter().map(average).collect();
    places.iter().map(move |&place| averages[place as usize])
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

/// Points up to which Spearman's p value is counted out.
const EXACT_UP_TO: usize = 9;

/// Two-sided p value of Spearman's coefficient: the share of all orders of one side that give one at least as far from
/// 0, ties kept, up to 9 points; by [`t_test`] above.
pub(super) fn spearman_p(points: &[(f64, f64)], rho: f64) -> Option<f64> {
    if points.len() > EXACT_UP_TO {
        return t_test(rho, points.len());
    }
    let ranks = |side: &dyn Fn(&(f64, f64)) -> f64| -> Vec<i64> {
        let values: Vec<Option<f64>> = points.iter().map(|point| Some(side(point))).collect();
        let ranks = rank_by(&values, |a: &f64, b| b.total_cmp(a));
        // Twice the distance from the mean rank is whole.
        let centre = points.len() as i64 + 1;
        ranks
            .into_iter()
            .flatten()
            .map(|rank| i64::from(rank.twice()) - centre)
            .collect()
    };
    let (x, mut y) = (ranks(&|point| point.0), ranks(&|point| point.1));
    let product = |y: &[i64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<i64>().abs();
    let observed = product(&y);
    let (mut far, mut all) = (0u32, 0u32);
    let length = y.len();
    permute(&mut y, length, &mut |y| {
        all += 1;
        far += u32::from(product(y) >= observed);
    });
    Some(f64::from(far) / f64::from(all))
}

/// Calls `visit` with every order of the first `length` values (Heap 1963).
fn permute(values: &mut [i64], length: usize, visit: &mut impl FnMut(&[i64])) {
    if length <= 1 {
        visit(values);
        return;
    }
    for place in 0..length {
        permute(values, length - 1, visit);
        values.swap(if length.is_multiple_of(2) { place } else { 0 }, length - 1);
    }
}

/// Standard error of Fisher's transform of Pearson's coefficient, `1/sqrt(n - 3)`; NaN without a degree of freedom.
pub(super) fn pearson_error(_: f64, n: usize) -> f64 {
    per_freedom(1.0, n, 3)
}

/// Of Spearman's coefficient, `sqrt((1 + r²/2)/(n - 3))` (Bonett and Wright 2000).
pub(super) fn spearman_error(r: f64, n: usize) -> f64 {
    per_freedom(1.0 + r * r / 2.0, n, 3)
}

/// Of Kendall's coefficient, `sqrt(0.437/(n - 4))` (Fieller, Hartley and Pearson 1957).
pub(super) fn kendall_error(_: f64, n: usize) -> f64 {
    per_freedom(0.437, n, 4)
}

/// Too few points leave no degree of freedom; NaN errors give no interval.
fn per_freedom(numerator: f64, n: usize, lost: usize) -> f64 {
    match n.checked_sub(lost) {
        Some(df) if df > 0 => (numerator / df as f64).sqrt(),
        _ => f64::NAN,
    }
}

/// `tanh(atanh(r) ± z se)`; `None` at `|r| = 1`, where the transform is infinite.
pub(super) fn fisher_interval(r: f64, standard_error: f64, confidence: f64) -> Option<(f64, f64)> {
    let half = normal_critical(confidence) * standard_error;
    let finite = r.abs() < 1.0 && half.is_finite();
    finite.then(|| ((r.atanh() - half).tanh(), (r.atanh() + half).tanh()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn permutation_p_values_of_few_points_are_exact() {
        // Of 24 orders the identity and the reverse reach |rho| = 1; and three more each reach 0.8 and -0.8.
        let points = |y: [f64; 4]| [1.0, 2.0, 3.0, 4.0].into_iter().zip(y).collect::<Vec<_>>();
        let p = |y| {
            let points = points(y);
            spearman_p(&points, spearman(&points).unwrap()).unwrap()
        };
        assert!((p([1.0, 2.0, 3.0, 4.0]) - 2.0 / 24.0).abs() < 1e-15);
        assert!((p([2.0, 1.0, 3.0, 4.0]) - 8.0 / 24.0).abs() < 1e-15);
    }
}
