//! All pairs of frameworks on one data set, tested and corrected for their number.

use super::{Discordant, benjamini_hochberg, holm, mcnemar_exact, mcnemar_mid_p, two_proportion_z};
use crate::aggregate::{Table, ranks};

/// Which test a p value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Pooled two-proportion z: only counts are known.
    TwoProportionZ,
    /// McNemar's exact test on per-image outcomes.
    McNemarExact,
}

impl Method {
    /// Key in machine-readable reports.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::TwoProportionZ => "two_proportion_z",
            Self::McNemarExact => "mcnemar_exact",
        }
    }
}

/// One pair on one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct PairTest {
    /// Row of the first framework.
    pub first: usize,
    /// Row of the second framework, below the first in the table.
    pub second: usize,
    /// Accuracy of the first minus that of the second, in points.
    pub difference: f64,
    /// z of the two-proportion test, whichever test gives the p value.
    pub z: f64,
    /// Images on which exactly one is right, where known.
    pub discordant: Option<Discordant>,
    /// Unadjusted two-sided p value.
    pub p: f64,
    /// McNemar's mid-p value, where outcomes are known.
    pub mid_p: Option<f64>,
    /// p value after Holm's correction over the data set's pairs.
    pub holm: f64,
    /// p value after Benjamini and Hochberg's correction over the data set's pairs.
    pub benjamini_hochberg: f64,
    /// Where `p` comes from.
    pub method: Method,
}

/// All pairs of one data set that have both cells.
#[derive(Debug, Clone, PartialEq)]
pub struct PairTests {
    /// The data set's column.
    pub data_set: usize,
    /// Level below which a p value counts as significant.
    pub alpha: f64,
    /// Pairs in table order.
    pub pairs: Vec<PairTest>,
}

impl PairTests {
    /// The test of two rows, in either order.
    #[must_use]
    pub fn pair(&self, a: usize, b: usize) -> Option<&PairTest> {
        let wanted = (a.min(b), a.max(b));
        self.pairs
            .iter()
            .find(|pair| (pair.first, pair.second) == wanted)
    }

    /// Whether two rows differ at `alpha`, unadjusted.
    #[must_use]
    pub fn differ(&self, a: usize, b: usize) -> bool {
        self.pair(a, b).is_some_and(|pair| pair.p < self.alpha)
    }

    /// Pairs that do not differ at `alpha`, unadjusted.
    #[must_use]
    pub fn not_significant(&self) -> usize {
        self.pairs
            .iter()
            .filter(|pair| pair.p >= self.alpha)
            .count()
    }

    /// Pairs that differ after Holm's correction.
    #[must_use]
    pub fn significant_after_holm(&self) -> usize {
        self.pairs
            .iter()
            .filter(|pair| pair.holm < self.alpha)
            .count()
    }

    /// Pairs that differ after Benjamini and Hochberg's correction.
    #[must_use]
    pub fn significant_after_bh(&self) -> usize {
        self.pairs
            .iter()
            .filter(|pair| pair.benjamini_hochberg < self.alpha)
            .count()
    }

    /// Neighbours in the data set's own ranking, best first; ties in table order.
    #[must_use]
    pub fn adjacent(&self, table: &Table) -> Vec<(usize, usize)> {
        let ranks = ranks(table, self.data_set);
        let mut rows: Vec<usize> = (0..ranks.len())
            .filter(|&row| ranks[row].is_some())
            .collect();
        rows.sort_by_key(|&row| ranks[row].map(|rank| rank.min));
        rows.windows(2).map(|two| (two[0], two[1])).collect()
    }

    /// How many neighbours in the ranking do not differ at `alpha`, unadjusted.
    #[must_use]
    pub fn adjacent_not_significant(&self, table: &Table) -> usize {
        self.adjacent(table)
            .into_iter()
            .filter(|&(a, b)| !self.differ(a, b))
            .count()
    }
}

/// Tests all pairs of one data set: McNemar's exact test where `discordant` knows the pair, else two-proportion z.
#[must_use]
pub fn pair_tests(
    table: &Table,
    data_set: usize,
    alpha: f64,
    discordant: impl Fn(usize, usize) -> Option<Discordant>,
) -> PairTests {
    let column = table.column(data_set);
    let mut pairs = Vec::new();
    for (first, cell) in column.iter().enumerate() {
        let Some(cell) = cell else { continue };
        for (second, other) in column.iter().enumerate().skip(first + 1) {
            let Some(other) = other else { continue };
            let test = two_proportion_z(cell, other);
            let counts = discordant(first, second);
            pairs.push(PairTest {
                first,
                second,
                difference: cell.percent() - other.percent(),
                z: test.z,
                discordant: counts,
                p: counts.map_or(test.p, mcnemar_exact),
                mid_p: counts.map(mcnemar_mid_p),
                holm: 1.0,
                benjamini_hochberg: 1.0,
                method: counts.map_or(Method::TwoProportionZ, |_| Method::McNemarExact),
            });
        }
    }
    let p: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
    for ((pair, holm), bh) in pairs.iter_mut().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
        pair.holm = holm;
        pair.benjamini_hochberg = bh;
    }
    PairTests {
        data_set,
        alpha,
        pairs,
    }
}
