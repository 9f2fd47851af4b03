//! The test for two frameworks of which runs are repeated.

use crate::RunError;
use crate::distribution::normal_two_sided;
use statrs::function::gamma::ln_gamma;

/// Degrees of freedom from which on a variance counts as known.
const KNOWN: usize = 400;

/// Longest step of the quadrature on the logarithm of the chi-squared variable.
const STEP: f64 = 0.4;

/// Two-sided p value of a gap whose error has a known part and parts estimated from few runs.
///
/// `E[2 Φ(-|gap| / sqrt(images + Σ v_i df_i / χ²(df_i)))]`: Behrens and Fisher's solution, which is Student's t test for
/// one estimated part alone and the normal test without any. `images` and the gap are in (squared) points.
#[must_use]
pub fn repeated_p(gap: f64, images: f64, runs: [RunError; 2]) -> f64 {
    if gap == 0.0 {
        return 1.0;
    }
    let [first, second] = runs.map(scales);
    let mut p = 0.0;
    for &(a, weight) in &first {
        for &(b, other) in &second {
            let variance = images + runs[0].variance * a + runs[1].variance * b;
            p += weight * other * normal_two_sided(gap / variance.sqrt());
        }
    }
    p.clamp(0.0, 1.0)
}

/// Values of `df / χ²(df)` with their weights, by the trapezoidal rule on the logarithm.
fn scales(RunError { variance, df }: RunError) -> Vec<(f64, f64)> {
    if df == 0 || df >= KNOWN || variance == 0.0 {
        return vec![(1.0, 1.0)];
    }
    let df = df as f64;
    let half = df / 2.0;
    // With x = e^y the density of ln χ² is exp(half (y - ln 2) - x/2) / Γ(half).
    let log_density = |y: f64| half * (y - std::f64::consts::LN_2) - y.exp() / 2.0 - ln_gamma(half);
    // Below this the density is less than e^-20, and far less where there are many degrees of freedom.
    let low = df.ln() - 40.0 / df - 3.0;
    let high = (df + 12.0 * df.sqrt() + 30.0).ln();
    // The logarithm's standard deviation is about sqrt(2/df).
    let step = STEP.min((2.0 / df).sqrt());
    let steps = ((high - low) / step).ceil() as usize;
    let nodes: Vec<(f64, f64)> = (0..=steps)
        .map(|place| {
            let y = low + step * place as f64;
            (df / y.exp(), log_density(y).exp())
        })
        .collect();
    let total: f64 = nodes.iter().map(|(_, weight)| weight).sum();
    nodes
        .into_iter()
        .map(|(scale, weight)| (scale, weight / total))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::student_two_sided;

    #[test]
    fn repeated_runs_test_reduces_to_student_t_and_normal() {
        let none = RunError::default();
        for df in [1, 2, 5, 30] {
            let runs = RunError { variance: 0.25, df };
            for t in [0.5, 2.0, 4.3, 30.0] {
                let found = repeated_p(0.5 * t, 0.0, [runs, none]);
                let expected = student_two_sided(t, df as f64);
                assert!(
                    (found - expected).abs() < 2e-3 * expected,
                    "{df} {t}: {found} is not {expected}"
                );
            }
        }
        assert!((repeated_p(1.96, 1.0, [none, none]) - normal_two_sided(1.96)).abs() < 1e-15);
        assert_eq!(repeated_p(0.0, 0.0, [none, none]), 1.0);
    }
}
