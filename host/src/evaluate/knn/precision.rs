//! What products are computed in, and when that pays.

/// What the product is computed in. It only proposes; the less exact it is, the more candidates stay to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanPrecision {
    /// f32.
    Full,
    /// bfloat16 in and out, summed in f32.
    Coarse,
}

impl ScanPrecision {
    /// Both of them.
    pub(super) const ALL: [Self; 2] = [Self::Full, Self::Coarse];

    /// The faster one on this processor.
    pub(super) fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512bf16") {
            return Self::Coarse;
        }
        Self::Full
    }

    /// Largest relative error of writing down a result, where that is more than the slack of the sums.
    pub(super) const fn of_output(self) -> f32 {
        match self {
            Self::Full => 0.0,
            Self::Coarse => 1.0 / 256.0,
        }
    }

    /// How many candidates may pile up around the `k`-th place before exact similarities must decide.
    pub(super) const fn crowd(self, k: usize) -> usize {
        match self {
            Self::Full => 4 * k + 4096,
            Self::Coarse => 4 * k + 256,
        }
    }
}

/// Coarse products with so many rows save what one exact comparison costs.
const WORTH: usize = 16;

/// Rows by which coarse products are given the benefit of the doubt, while few have been seen.
const DOUBT: usize = 2048;

/// What coarse products have saved, and what they have led to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Products made.
    pub(super) products: usize,
    /// Exact comparisons that thinned out crowds.
    pub(super) compared: usize,
}

impl Tally {
    /// Whether they have saved more than they cost, where `queries` have `waiting` candidates too many that will be
    /// compared in the end.
    pub(super) fn is_worth_it(self, queries: usize, waiting: usize) -> bool {
        (self.compared + waiting) * WORTH <= self.products + DOUBT * queries
    }
}
