//! What a framework is ordered by: compared without rounding, whatever the aggregate.

use std::cmp::{Ordering, Reverse};

use num_bigint::BigUint;

use super::powers::Powers;

/// A value to order frameworks by, larger is better; equal keys are ties. Only keys of one aggregate over one pool
/// have an order.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    /// A sum or a product.
    Whole(BigUint),
    /// Twice the sum of ranks.
    Ranks(Reverse<u64>),
    /// A quotient.
    Quotient(Quotient),
    /// A product of powers.
    Powers(Powers),
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(b)),
            (Self::Ranks(a), Self::Ranks(b)) => Some(a.cmp(b)),
            (Self::Quotient(a), Self::Quotient(b)) => Some(a.compare(b)),
            (Self::Powers(a), Self::Powers(b)) => Some(a.compare(b)),
            _ => None,
        }
    }
}

/// `1 / Σ (1 / v)` as a fraction; 0 if any `v` is.
#[derive(Debug, Clone)]
pub(crate) struct Quotient {
    numerator: BigUint,
    denominator: BigUint,
}

impl Quotient {
    pub(super) fn harmonic(values: &[&BigUint]) -> Self {
        let zero = || BigUint::from(0u8);
        if values.iter().any(|value| **value == zero()) {
            return Self {
                numerator: zero(),
                denominator: BigUint::from(1u8),
            };
        }
        let numerator: BigUint = values.iter().copied().product();
        let denominator = values.iter().map(|&value| &numerator / value).sum();
        Self {
            numerator,
            denominator,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        (&self.numerator * &other.denominator).cmp(&(&other.numerator * &self.denominator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn powers(factors: &[(u64, u32)]) -> Key {
        let big = factors.iter().map(|&(v, n)| (BigUint::from(v), n));
        Key::Powers(Powers::new(big.collect()))
    }

    fn harmonic(values: &[u64]) -> Key {
        let big: Vec<BigUint> = values.iter().map(|&v| BigUint::from(v)).collect();
        Key::Quotient(Quotient::harmonic(&big.iter().collect::<Vec<_>>()))
    }

    #[test]
    fn exact_geometric_keys_tie_where_values_are_equal() {
        // 6^2 * 2^2 = 12^2 * 1^2, and 4^3 = 8^2.
        assert_eq!(powers(&[(6, 2), (2, 2)]), powers(&[(12, 2), (1, 2)]));
        assert_eq!(powers(&[(4, 3)]), powers(&[(8, 2)]));
        // Nine digits of the logarithms agree.
        let (big, next) = (4_000_000_000, 4_000_000_001);
        assert!(powers(&[(next, 3), (5, 2)]) > powers(&[(big, 3), (5, 2)]));
        assert!(powers(&[(0, 1), (9, 9)]) < powers(&[(1, 1), (1, 9)]));
        assert_eq!(powers(&[(0, 1), (9, 9)]), powers(&[(0, 2), (8, 9)]));
    }

    #[test]
    fn zeros_and_billions_of_images_are_decided_without_multiplying_out() {
        let most = u32::MAX;
        // Multiplied out, each of these has more digits than memory.
        assert!(powers(&[(0, most), (977, most - 1)]) < powers(&[(1, most), (976, most - 1)]));
        assert_eq!(powers(&[(0, most), (977, 7)]), powers(&[(0, 3), (5, most)]));
        assert_eq!(
            powers(&[(6, most), (10, most)]),
            powers(&[(4, most), (15, most)])
        );
        // ln 977 and ln 976 cancel to a relative 1e-12: 976^(n + d) against 977^n around their crossing.
        let n = 4_000_000_000u32;
        let crossing = (f64::from(n) * 977f64.ln() / 976f64.ln()).floor() as u32;
        assert!(powers(&[(976, crossing - 1)]) < powers(&[(977, n)]));
        assert!(powers(&[(976, crossing + 2)]) > powers(&[(977, n)]));
    }

    #[test]
    fn exact_harmonic_keys_tie_where_values_are_equal() {
        // 1/3 + 1/6 = 1/4 + 1/4.
        assert_eq!(harmonic(&[3, 6]), harmonic(&[4, 4]));
        assert!(harmonic(&[3, 7]) > harmonic(&[4, 4]));
        assert!(harmonic(&[0, 9]) < harmonic(&[1, 1]));
        assert_eq!(harmonic(&[0, 9]), harmonic(&[0, 0]));
    }

    #[test]
    fn exact_keys_of_two_aggregates_are_not_comparable() {
        assert_ne!(powers(&[(1, 1)]), harmonic(&[1]));
    }
}
