//! The distributions the tests need, as the functions they need of them.

use statrs::distribution::{Binomial, Discrete, DiscreteCDF};
use statrs::function::{beta::beta_reg, erf::erfc_inv, gamma::gamma_ur};

/// `P(Z <= z)` of the standard normal distribution.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    let tail = 0.5 * normal_two_sided(z);
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// `P(|Z| >= |z|)` of the standard normal distribution.
#[must_use]
pub fn normal_two_sided(z: f64) -> f64 {
    // The incomplete gamma function is good to 1e-13 where the crate's erfc is to 1e-10.
    let half_square = 0.5 * z * z;
    if z == 0.0 {
        1.0
    } else if half_square.is_finite() {
        gamma_ur(0.5, half_square)
    } else if z.is_nan() {
        f64::NAN
    } else {
        0.0
    }
}

/// `z` with `P(|Z| <= z) = confidence`; 1.96 for 0.95.
#[must_use]
pub fn normal_critical(confidence: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(1.0 - confidence)
}

/// `P(|T| >= |t|)` of Student's distribution with `df` degrees of freedom.
#[must_use]
pub fn student_two_sided(t: f64, df: f64) -> f64 {
    // df / (df + t²) stays accurate in the far tail, where 1 - cdf would cancel.
    beta_reg(df / 2.0, 0.5, df / (df + t * t))
}

/// `t` with `P(|T| <= t) = confidence`, by bisection.
#[must_use]
pub fn student_critical(confidence: f64, df: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while student_two_sided(high, df) > 1.0 - confidence {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if student_two_sided(middle, df) > 1.0 - confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// `P(X >= x)` of the chi-squared distribution with `df` degrees of freedom.
#[must_use]
pub fn chi_squared_tail(x: f64, df: f64) -> f64 {
    if x <= 0.0 {
        1.0
    } else {
        gamma_ur(df / 2.0, x / 2.0)
    }
}

/// `P(F >= f)` of Fisher's distribution with `df1` and `df2` degrees of freedom.
#[must_use]
pub fn fisher_tail(f: f64, df1: f64, df2: f64) -> f64 {
    if f <= 0.0 {
        1.0
    } else {
        beta_reg(df2 / 2.0, df1 / 2.0, df2 / (df2 + df1 * f))
    }
}

/// `P(X <= k)` and `P(X = k)` for `X` heads among `n` fair coins.
#[must_use]
pub fn fair_coins(k: u64, n: u64) -> (f64, f64) {
    Binomial::new(0.5, n).map_or((1.0, 1.0), |coins| (coins.cdf(k), coins.pmf(k)))
}

/// `P(range of k standard normals <= q)`, the studentized range with infinite degrees of freedom.
///
/// `k ∫ φ(z) (Φ(z) - Φ(z - q))^(k-1) dz`, by Simpson's rule on `[-8, 8 + q]`.
#[must_use]
pub fn studentized_range_cdf(q: f64, k: usize) -> f64 {
    const STEPS: usize = 4000;
    let (low, high) = (-8.0, 8.0 + q);
    let step = (high - low) / STEPS as f64;
    let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let integrand = |z: f64| {
        density(z)
            * (normal_cdf(z) - normal_cdf(z - q))
                .max(0.0)
                .powf(k as f64 - 1.0)
    };
    let sum: f64 = (0..=STEPS)
        .map(|index| {
            let weight = match index {
                0 | STEPS => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * integrand(low + index as f64 * step)
        })
        .sum();
    k as f64 * sum * step / 3.0
}

/// `q` with `P(range of k standard normals <= q) = confidence`, by bisection.
#[must_use]
pub fn studentized_range_critical(confidence: f64, k: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if studentized_range_cdf(middle, k) < confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, relative: f64) {
        assert!(
            (found - expected).abs() <= relative * expected.abs(),
            "{found} is not {expected}"
        );
    }

    #[test]
    fn textbook_quantiles_and_tails() {
        close(normal_critical(0.95), 1.959_963_984_540_054, 1e-12);
        close(normal_cdf(-1.0), 0.158_655_253_931_457_05, 1e-12);
        close(normal_two_sided(5.0), 5.733_031_437_583_867e-7, 1e-10);
        // Student with 1 degree of freedom is Cauchy: P(|T| >= 1) = 1/2.
        close(student_two_sided(1.0, 1.0), 0.5, 1e-12);
        close(student_critical(0.95, 10.0), 2.228_138_851_964_939, 1e-10);
        // Chi-squared with 2 degrees of freedom is exponential.
        close(chi_squared_tail(4.0, 2.0), (-2.0f64).exp(), 1e-12);
        assert_eq!(chi_squared_tail(0.0, 3.0), 1.0);
        // F with 1 and m degrees of freedom is the square of Student's t with m.
        close(
            fisher_tail(6.25, 1.0, 7.0),
            student_two_sided(2.5, 7.0),
            1e-12,
        );
    }

    #[test]
    fn a_difference_without_sampling_error_is_certain() {
        assert_eq!(normal_two_sided(f64::INFINITY), 0.0);
        assert_eq!(normal_two_sided(1e200), 0.0);
        assert_eq!(normal_cdf(f64::INFINITY), 1.0);
        assert_eq!(normal_cdf(f64::NEG_INFINITY), 0.0);
        assert!(normal_two_sided(f64::NAN).is_nan());
    }

    #[test]
    fn binomial_cdf_and_pmf_match_counted_subsets() {
        let (cdf, pmf) = fair_coins(2, 5);
        close(cdf, 16.0 / 32.0, 1e-12);
        close(pmf, 10.0 / 32.0, 1e-12);
    }

    #[test]
    fn range_of_two_normals_is_a_scaled_normal() {
        // |Z1 - Z2| / sqrt(2) is half-normal, so the critical range of two is sqrt(2) * 1.96.
        let expected = std::f64::consts::SQRT_2 * normal_critical(0.95);
        close(studentized_range_critical(0.95, 2), expected, 1e-8);
    }
}
