//! How far proposals can be from what they stand for.

/// How far off sums of a product and an offset can be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Slack {
    /// Of any sum.
    pub(super) fixed: f32,
    /// Relative to the product: its rounding.
    pub(super) relative: f32,
    /// Bound on a product.
    pub(super) product: f32,
    /// Bound on an offset.
    pub(super) offset: f32,
}

impl Slack {
    /// What covers both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            fixed: self.fixed.max(other.fixed),
            relative: self.relative.max(other.relative),
            product: self.product.max(other.product),
            offset: self.offset.max(other.offset),
        }
    }

    /// How much lower than `value` a sum can be that stands for the same similarity.
    pub(super) fn below(self, value: f32) -> f32 {
        // A product is at most as large as its sum and its offset together. The sum itself may be lower than
        // `value` by what is worked out here, less than a hundredth of it where roundings are.
        let near = 1.01 * (value.abs() + 2.0 * self.fixed + self.offset);
        2.0 * (self.fixed + self.relative * near.min(self.product))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_bounds_rounding_of_every_product() {
        let slack = |product, offset| Slack {
            fixed: 0.0,
            relative: 1.0 / 256.0,
            product,
            offset,
        };
        let below = [slack(10.0, 0.0), slack(10.0, 3.0), slack(0.125, 3.0)].map(|s| s.below(0.5));
        let expected = [0.5, 3.5, 0.125 / 1.01].map(|near: f32| 1.01 * near / 128.0);
        for (found, expected) in below.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}
