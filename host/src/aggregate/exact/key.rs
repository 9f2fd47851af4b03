//! What a framework is ordered by: compared without rounding, whatever the aggregate.

use std::cmp::{Ordering, Reverse};

use num_bigint::BigUint;

/// A value to order frameworks by, larger is better; equal keys are ties. Only keys of one aggregate over one pool
/// have an order.
#[derive(Debug, Clone)]
pub(in crate::aggregate) enum Key {
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
pub(in crate::aggregate) struct Quotient {
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

/// `Π v^n`. With `n` in the ten thousands the product has millions of digits, so it is only multiplied out where
/// logarithms leave the order open.
#[derive(Debug, Clone)]
pub(in crate::aggregate) struct Powers {
    /// `Σ n ln v`, rounded.
    logarithm: f64,
    /// `(v, n)`, sorted.
    factors: Vec<(BigUint, u32)>,
}

/// Far more than the rounding of a sum of logarithms, relative to its largest possible term.
const OPEN: f64 = 1e-9;

impl Powers {
    pub(super) fn new(mut factors: Vec<(BigUint, u32)>) -> Self {
        factors.sort();
        let terms = factors
            .iter()
            .map(|(value, n)| f64::from(*n) * logarithm(value));
        Self {
            logarithm: terms.sum(),
            factors,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let scale = self.logarithm.abs().max(other.logarithm.abs()).max(1.0);
        if self.factors == other.factors {
            Ordering::Equal
        } else if (self.logarithm - other.logarithm).abs() > OPEN * scale {
            self.logarithm.total_cmp(&other.logarithm)
        } else {
            self.product().cmp(&other.product())
        }
    }

    fn product(&self) -> BigUint {
        self.factors
            .iter()
            .map(|(value, n)| value.pow(*n))
            .product()
    }
}

/// Natural logarithm; `v` may be larger than a float can hold.
fn logarithm(value: &BigUint) -> f64 {
    let shift = value.bits().saturating_sub(64);
    let leading = u64::try_from(value >> shift).unwrap_or(u64::MAX);
    (leading as f64).ln() + shift as f64 * std::f64::consts::LN_2
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
    fn products_of_powers_tie_where_the_numbers_do() {
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
    fn harmonic_sums_tie_where_the_fractions_do() {
        // 1/3 + 1/6 = 1/4 + 1/4.
        assert_eq!(harmonic(&[3, 6]), harmonic(&[4, 4]));
        assert!(harmonic(&[3, 7]) > harmonic(&[4, 4]));
        assert!(harmonic(&[0, 9]) < harmonic(&[1, 1]));
        assert_eq!(harmonic(&[0, 9]), harmonic(&[0, 0]));
    }

    #[test]
    fn keys_of_two_aggregates_have_no_order() {
        assert_ne!(powers(&[(1, 1)]), harmonic(&[1]));
    }
}
