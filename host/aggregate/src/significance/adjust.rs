//! Corrections for testing many pairs at once.

/// Holm's step-down adjusted p values (family-wise error), in the order given.
///
/// `p̃_(i) = max_{j <= i} min(1, (m - j + 1) p_(j))`. Holm 1979.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (place, &index) in order.iter().enumerate() {
        largest = largest.max((p[index] * (p.len() - place) as f64).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

/// Benjamini and Hochberg's step-up adjusted p values (false discovery rate), in the order given.
///
/// `p̃_(i) = min_{j >= i} min(1, m p_(j) / j)`. Benjamini and Hochberg 1995.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut adjusted = vec![0.0; p.len()];
    let mut smallest: f64 = 1.0;
    for (place, &index) in order.iter().enumerate().rev() {
        smallest = smallest.min(p[index] * p.len() as f64 / (place + 1) as f64);
        adjusted[index] = smallest;
    }
    adjusted
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_and_benjamini_hochberg_match_hand_computation() {
        let p = [0.04, 0.01, 0.03, 0.005];
        let close = |found: Vec<f64>, expected: [f64; 4]| {
            assert!(
                found
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() < 1e-12),
                "{found:?}"
            );
        };
        close(holm(&p), [0.06, 0.03, 0.06, 0.02]);
        close(benjamini_hochberg(&p), [0.04, 0.02, 0.04, 0.02]);
        assert!(holm(&[]).is_empty());
    }
}
