//! The test for two frameworks judged on the same images.

use crate::distribution::fair_coins;

/// Images on which exactly one of two frameworks is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discordant {
    /// Only the first is right.
    pub only_first: u64,
    /// Only the second is right.
    pub only_second: u64,
}

/// Exact two-sided p value of McNemar's test: `min(1, 2 P(X <= min(b, c)))` with `X ~ Binomial(b + c, 1/2)`.
#[must_use]
pub fn mcnemar_exact(discordant: Discordant) -> f64 {
    (2.0 * lower_tail(discordant).0).min(1.0)
}

/// Mid-p value: as the exact one, with half the probability of the observed split; less conservative.
#[must_use]
pub fn mcnemar_mid_p(discordant: Discordant) -> f64 {
    let (tail, point) = lower_tail(discordant);
    (2.0 * tail - point).min(1.0)
}

fn lower_tail(
    Discordant {
        only_first,
        only_second,
    }: Discordant,
) -> (f64, f64) {
    fair_coins(only_first.min(only_second), only_first + only_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_p_values_match_hand_computation() {
        let split = Discordant {
            only_first: 1,
            only_second: 5,
        };
        // P(X <= 1) = 7/64 and P(X = 1) = 6/64 for six coins.
        assert!((mcnemar_exact(split) - 14.0 / 64.0).abs() < 1e-12);
        assert!((mcnemar_mid_p(split) - 8.0 / 64.0).abs() < 1e-12);
        let even = Discordant {
            only_first: 3,
            only_second: 3,
        };
        assert_eq!(mcnemar_exact(even), 1.0);
        let none = Discordant {
            only_first: 0,
            only_second: 0,
        };
        assert_eq!(mcnemar_exact(none), 1.0);
    }

    #[test]
    fn mcnemar_significance_depends_on_the_number_of_discordant_images() {
        // |b - c| = 50 reaches z = 1.96 up to (50 / 1.96)^2 = 651 discordant images.
        let split = |total: u64| Discordant {
            only_first: (total + 50) / 2,
            only_second: (total - 50) / 2,
        };
        assert!(mcnemar_mid_p(split(640)) < 0.05);
        assert!(mcnemar_mid_p(split(670)) > 0.05);
    }
}
