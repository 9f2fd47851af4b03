//! Kendall's τ-b.

use crate::distribution::normal_two_sided;

/// Largest sample without ties for which the p value is counted out instead of approximated.
const EXACT_UP_TO: usize = 33;

/// τ-b with what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kendall {
    /// `(C - D) / sqrt((C + D + X)(C + D + Y))`.
    pub tau_b: f64,
    /// Pairs in the same order on both sides.
    pub concordant: u64,
    /// Pairs in opposite order.
    pub discordant: u64,
    /// Pairs tied on the first side only.
    pub ties_x: u64,
    /// Pairs tied on the second side only.
    pub ties_y: u64,
    /// Two-sided p value: exact without ties up to 33 points, else normal with the variance for ties.
    pub p: f64,
}

/// Kendall's τ-b of `(x, y)` points; `None` if either side is constant. Kendall 1970.
#[must_use]
pub fn kendall(points: &[(f64, f64)]) -> Option<Kendall> {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let pairs = Pairs::count(&x, &y);
    let tau_b = pairs.tau_b()?;
    let Pairs {
        concordant,
        discordant,
        ties_x,
        ties_y,
    } = pairs;
    let untied = concordant + discordant == (points.len() * (points.len() - 1) / 2) as u64;
    let p = if untied && points.len() <= EXACT_UP_TO {
        exact_p(points.len(), concordant.min(discordant) as usize)
    } else {
        let difference = concordant as f64 - discordant as f64;
        normal_two_sided(difference / variance(points).sqrt())
    };
    Some(Kendall {
        tau_b,
        concordant,
        discordant,
        ties_x,
        ties_y,
        p,
    })
}

/// τ-b alone, of places among the distinct values of each side.
pub(super) fn tau_b_of_places([x, y]: &[Vec<u32>; 2]) -> Option<f64> {
    Pairs::count(x, y).tau_b()
}

/// Numbers of pairs, as in [`Kendall`].
struct Pairs {
    concordant: u64,
    discordant: u64,
    ties_x: u64,
    ties_y: u64,
}

impl Pairs {
    /// Counts without branches, which a processor cannot foresee.
    fn count<T: PartialOrd + Copy>(x: &[T], y: &[T]) -> Self {
        let sign = |a: T, b: T| i32::from(a < b) - i32::from(a > b);
        let (mut order, mut both, mut differ_x, mut differ_y) = (0i64, 0i64, 0i64, 0i64);
        for (index, (&own_x, &own_y)) in x.iter().zip(y).enumerate() {
            // Narrow sums of one row, which a processor adds several at a time.
            let mut sums = [0i32; 4];
            for (&other_x, &other_y) in x[index + 1..].iter().zip(&y[index + 1..]) {
                let (of_x, of_y) = (sign(own_x, other_x), sign(own_y, other_y));
                sums[0] += of_x * of_y;
                sums[1] += of_x & of_y & 1;
                sums[2] += of_x & 1;
                sums[3] += of_y & 1;
            }
            order += i64::from(sums[0]);
            both += i64::from(sums[1]);
            differ_x += i64::from(sums[2]);
            differ_y += i64::from(sums[3]);
        }
        let whole = i64::unsigned_abs;
        Self {
            concordant: whole((both + order) / 2),
            discordant: whole((both - order) / 2),
            ties_x: whole(differ_y - both),
            ties_y: whole(differ_x - both),
        }
    }

    fn tau_b(&self) -> Option<f64> {
        let both = self.concordant + self.discordant;
        let scale = ((both + self.ties_x) as f64 * (both + self.ties_y) as f64).sqrt();
        let difference = self.concordant as f64 - self.discordant as f64;
        (scale > 0.0).then(|| difference / scale)
    }
}

/// Variance of `C - D` under independence, given the sizes of the ties on both sides.
fn variance(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let ties = |side: &dyn Fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = points.iter().map(side).collect();
        values.sort_by(f64::total_cmp);
        let mut sums = [0.0; 3];
        for group in values.chunk_by(|a, b| a == b) {
            let t = group.len() as f64;
            sums[0] += t * (t - 1.0);
            sums[1] += t * (t - 1.0) * (t - 2.0);
            sums[2] += t * (t - 1.0) * (2.0 * t + 5.0);
        }
        sums
    };
    let (x, y) = (ties(&|point| point.0), ties(&|point| point.1));
    let pairs = n * (n - 1.0);
    let triples = if n > 2.0 {
        x[1] * y[1] / (9.0 * pairs * (n - 2.0))
    } else {
        0.0
    };
    (pairs * (2.0 * n + 5.0) - x[2] - y[2]) / 18.0 + x[0] * y[0] / (2.0 * pairs) + triples
}

/// `min(1, 2 P(inversions <= few))` of a random permutation of `n`.
fn exact_p(n: usize, few: usize) -> f64 {
    // Probability of each number of inversions, one element added at a time.
    let mut probability = vec![1.0];
    for size in 2..=n {
        let length = probability.len() + size - 1;
        let mut next = vec![0.0; length];
        for (inversions, value) in probability.iter().enumerate() {
            for added in 0..size {
                next[inversions + added] += value / size as f64;
            }
        }
        probability = next;
    }
    (2.0 * probability.iter().take(few + 1).sum::<f64>()).min(1.0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn kendall_tau_of_four_points_matches_hand_computation() {
        let points = [(1.0, 2.0), (2.0, 1.0), (3.0, 3.0), (4.0, 4.0)];
        let found = kendall(&points).unwrap();
        assert_eq!((found.concordant, found.discordant), (5, 1));
        assert!((found.tau_b - 4.0 / 6.0).abs() < 1e-15);
        // Of 24 permutations 1 has no inversion and 3 have one.
        assert!((found.p - 2.0 * 4.0 / 24.0).abs() < 1e-12);
    }

    #[test]
    fn kendall_tau_separates_ties_in_x_and_y() {
        let points = [(1.0, 1.0), (1.0, 2.0), (2.0, 2.0), (3.0, 2.0)];
        let found = kendall(&points).unwrap();
        assert_eq!((found.concordant, found.discordant), (2, 0));
        assert_eq!((found.ties_x, found.ties_y), (1, 3));
        assert!((found.tau_b - 2.0 / 15f64.sqrt()).abs() < 1e-15);
        assert_eq!(kendall(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }
}
