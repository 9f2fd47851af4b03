//! The test for two accuracies of which only the counts are known.

use crate::{Cell, distribution::normal_two_sided};

/// Outcome of a z test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZTest {
    /// Positive where the first is better.
    pub z: f64,
    /// Two-sided p value.
    pub p: f64,
    /// Standard error of the difference under the pooled share, in points.
    pub standard_error: f64,
}

/// Two-sided pooled two-proportion z test.
///
/// `z = (p1 - p2) / sqrt(p (1 - p)(1/n1 + 1/n2))` with `p` the pooled share. On the *same* images the two shares are
/// positively correlated, which makes the test conservative; with per-image outcomes use McNemar's.
#[must_use]
pub fn two_proportion_z(first: &Cell, second: &Cell) -> ZTest {
    let (n1, n2) = (first.n() as f64, second.n() as f64);
    let hits = first.hits() + second.hits();
    let pooled = if hits == 0.0 || hits == n1 + n2 {
        // No sample proves that a framework is always wrong or always right.
        (hits + 0.5) / (n1 + n2 + 1.0)
    } else {
        hits / (n1 + n2)
    };
    let error = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    let (z, p) = if first == second {
        (0.0, 1.0)
    } else {
        let z = (first.share() - second.share()) / error;
        (z, normal_two_sided(z))
    };
    ZTest {
        z,
        p,
        standard_error: 100.0 * error,
    }
}
