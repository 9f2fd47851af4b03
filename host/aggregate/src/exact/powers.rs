//! Products of powers, compared exactly without multiplying them out.
//!
//! With exponents in the billions a product has more digits than memory. Logarithms decide nearly always; where they
//! leave the order open, both sides are written over one set of coprime bases, which tells ties from near ties, and
//! near ties are decided by logarithms with as many digits as they need.

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint};

/// `Π v^n`.
#[derive(Debug, Clone)]
pub(crate) struct Powers {
    /// `Σ n ln v`, rounded; minus infinity for 0.
    logarithm: f64,
    /// `(v, n)`, sorted.
    factors: Vec<(BigUint, u32)>,
}

/// Far more than the rounding of a sum of logarithms, relative to its largest possible term.
const OPEN: f64 = 1e-9;

/// Bits after the point of the first logarithms with more digits than a float has.
const BITS: u64 = 192;

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

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let scale = self.logarithm.abs().max(other.logarithm.abs()).max(1.0);
        if self.is_zero() || other.is_zero() {
            other.is_zero().cmp(&self.is_zero())
        } else if self.factors == other.factors {
            Ordering::Equal
        } else if (self.logarithm - other.logarithm).abs() > OPEN * scale {
            self.logarithm.total_cmp(&other.logarithm)
        } else {
            self.compare_exactly(other)
        }
    }

    fn is_zero(&self) -> bool {
        self.logarithm == f64::NEG_INFINITY
    }

    fn compare_exactly(&self, other: &Self) -> Ordering {
        let exponent = |n: u32, sign: i64| BigInt::from(sign * i64::from(n));
        let sides = [(self, 1), (other, -1)];
        let factors = sides.into_iter().flat_map(|(side, sign)| {
            let factors = side.factors.iter();
            factors.map(move |(value, n)| (value.clone(), exponent(*n, sign)))
        });
        let zero = BigInt::from(0);
        let mut quotient = coprime(factors.collect());
        quotient.retain(|(_, exponent)| *exponent != zero);
        if quotient.is_empty() {
            return Ordering::Equal;
        }
        // The quotient is not 1, so its logarithm is not 0, and some number of digits shows on which side it is.
        let mut bits = BITS;
        loop {
            let terms = quotient
                .iter()
                .map(|(base, exponent)| exponent * BigInt::from(fixed_logarithm(base, bits)));
            let sum: BigInt = terms.sum();
            let largest = quotient.iter().map(|(_, exponent)| exponent.magnitude());
            let error = largest.sum::<BigUint>() * BigUint::from(4 * bits);
            if *sum.magnitude() > error {
                return sum.cmp(&zero);
            }
            bits *= 2;
        }
    }
}

/// The same product over bases that have no common divisor: equal to 1 only if all exponents are 0.
fn coprime(mut factors: Vec<(BigUint, BigInt)>) -> Vec<(BigUint, BigInt)> {
    let one = BigUint::from(1u8);
    let mut bases: Vec<(BigUint, BigInt)> = Vec::new();
    while let Some((value, exponent)) = factors.pop() {
        if value == one {
            continue;
        }
        let shared = |(base, _): &(BigUint, BigInt)| gcd(base.clone(), value.clone()) != one;
        match bases.iter().position(shared) {
            None => bases.push((value, exponent)),
            Some(place) => {
                let (base, other) = bases.swap_remove(place);
                let divisor = gcd(base.clone(), value.clone());
                factors.push((&base / &divisor, other.clone()));
                factors.push((&value / &divisor, exponent.clone()));
                factors.push((divisor, other + exponent));
            }
        }
    }
    bases
}

fn gcd(mut a: BigUint, mut b: BigUint) -> BigUint {
    let zero = BigUint::from(0u8);
    while b != zero {
        (a, b) = (b.clone(), a % b);
    }
    a
}

/// Natural logarithm; `v` may be larger than a float can hold.
fn logarithm(value: &BigUint) -> f64 {
    let shift = value.bits().saturating_sub(64);
    let leading = u64::try_from(value >> shift).unwrap_or(u64::MAX);
    (leading as f64).ln() + shift as f64 * std::f64::consts::LN_2
}

/// Natural logarithm of `v >= 1` times `2^bits`, to within `3 bits` units.
///
/// With `v = 2^k m` and `m` in [1, 2): `ln v = k ln 2 + 2 atanh((m - 1)/(m + 1))`, and `ln 2 = 2 atanh(1/3)`.
fn fixed_logarithm(value: &BigUint, bits: u64) -> BigUint {
    let guard = bits + 64;
    let k = value.bits() - 1;
    let power = BigUint::from(1u8) << k;
    let twice_atanh = |numerator: &BigUint, denominator: &BigUint| {
        let ratio = (numerator << guard) / denominator;
        let square = (&ratio * &ratio) >> guard;
        let (mut sum, mut term, mut odd) = (BigUint::from(0u8), ratio, 1u32);
        while term.bits() > 0 {
            sum += &term / odd;
            term = (&term * &square) >> guard;
            odd += 2;
        }
        sum << 1
    };
    let ln_2 = twice_atanh(&BigUint::from(1u8), &BigUint::from(3u8));
    (ln_2 * k + twice_atanh(&(value - &power), &(value + &power))) >> 64
}
