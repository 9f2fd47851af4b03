//! All pairs of frameworks on one data set, tested and corrected for their number.

use super::{
    Discordant, benjamini_hochberg, holm, mcnemar_exact, mcnemar_mid_p, rank_sets, repeated_p,
    two_proportion_z,
};
use crate::distribution::normal_critical;
use crate::{RunError, Table, ranks};

/// Which test a p value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Pooled two-proportion z: only counts are known.
    TwoProportionZ,
    /// McNemar's exact test on per-image outcomes.
    McNemarExact,
    /// Images and runs: [`repeated_p`] on the difference of two means over runs.
    ImagesAndRuns,
}

/// What is known of a pair beyond its two cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Evidence {
    /// Nothing.
    Counts,
    /// Both are single runs with outcomes per image.
    Discordant(Discordant),
    /// One at least is a mean over runs.
    Runs {
        /// Squared standard error of the difference that comes from the images, in squared points.
        images: f64,
        /// What comes from the runs of each.
        runs: [RunError; 2],
    },
}

impl Method {
    /// Key in machine-readable reports.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::TwoProportionZ => "two_proportion_z",
            Self::McNemarExact => "mcnemar_exact",
            Self::ImagesAndRuns => "images_and_runs",
        }
    }

    /// Name in running text.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::TwoProportionZ => "two-proportion test where only counts are known",
            Self::McNemarExact => "McNemar's exact test on the same images",
            Self::ImagesAndRuns => "test over images and runs where runs are repeated",
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
    /// z of the two-proportion test, or the difference in standard errors where runs are repeated.
    pub z: f64,
    /// Standard error of the difference if the two were equal, in points: pooled, `sqrt(b + c)/n` of discordant images, or of
    /// images and runs.
    pub standard_error: f64,
    /// Images on which exactly one is right, where known.
    pub discordant: Option<Discordant>,
    /// Unadjusted two-sided p value.
    pub p: f64,
    /// McNemar's mid-p value, where outcomes are known.
    pub mid_p: Option<f64>,
    /// p value after Holm's correction over the data set's pairs.
    pub holm: f64,
    /// p value after Holm's correction over the pairs of all data sets; as `holm` until [`holm_over_all`] is told of them.
    pub holm_over_all: f64,
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
        let found = self
            .pairs
            .binary_search_by_key(&wanted, |pair| (pair.first, pair.second));
        found.ok().map(|place| &self.pairs[place])
    }

    /// Whether two rows differ at `alpha`, unadjusted.
    #[must_use]
    pub fn differ(&self, a: usize, b: usize) -> bool {
        self.pair(a, b).is_some_and(|pair| pair.p < self.alpha)
    }

    /// Whether two rows differ at `alpha` after Holm's correction over the data set's pairs.
    #[must_use]
    pub fn differ_after_holm(&self, a: usize, b: usize) -> bool {
        self.pair(a, b).is_some_and(|pair| pair.holm < self.alpha)
    }

    /// Best and worst rank of each of the table's rows that the differences after Holm's correction leave; `None` for a
    /// missing cell.
    #[must_use]
    pub fn rank_sets(&self, table: &Table) -> Vec<Option<(u32, u32)>> {
        let pairs = self.pairs.iter().map(|pair| {
            let differ = pair.holm < self.alpha;
            (pair.first, pair.second, pair.difference, differ)
        });
        rank_sets(table.frameworks().len(), pairs)
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

    /// The smallest gap between two frameworks, in points, that a test at `alpha` finds with probability `power`.
    ///
    /// `(z_(1 - alpha/2) + z_power) se` with the median standard error of all pairs, by the normal distribution: where runs
    /// are repeated few times the test needs more. `None` without pairs.
    #[must_use]
    pub fn detectable_gap(&self, power: f64) -> Option<f64> {
        let mut errors: Vec<f64> = self.pairs.iter().map(|pair| pair.standard_error).collect();
        errors.sort_by(f64::total_cmp);
        let (low, high) = (errors.len().checked_sub(1)? / 2, errors.len() / 2);
        let median = (errors[low] + errors[high]) / 2.0;
        // The one-sided quantile of `power` bounds `2 power - 1` on both sides.
        Some(median * (normal_critical(1.0 - self.alpha) + normal_critical(2.0 * power - 1.0)))
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

/// Tests all pairs of single runs on one data set: McNemar's exact test where `discordant` knows the pair, else
/// two-proportion z.
#[must_use]
pub fn pair_tests(
    table: &Table,
    data_set: usize,
    alpha: f64,
    discordant: impl Fn(usize, usize) -> Option<Discordant>,
) -> PairTests {
    pair_tests_with(table, data_set, alpha, |a, b| {
        discordant(a, b).map_or(Evidence::Counts, Evidence::Discordant)
    })
}

/// Tests all pairs of one data set by what `evidence` knows of each.
#[must_use]
pub fn pair_tests_with(
    table: &Table,
    data_set: usize,
    alpha: f64,
    evidence: impl Fn(usize, usize) -> Evidence,
) -> PairTests {
    let column = table.column(data_set);
    let mut pairs = Vec::new();
    for (first, cell) in column.iter().enumerate() {
        let Some(cell) = cell else { continue };
        for (second, other) in column.iter().enumerate().skip(first + 1) {
            let Some(other) = other else { continue };
            let counts = two_proportion_z(cell, other);
            let difference = if cell == other {
                0.0
            } else {
                cell.percent() - other.percent()
            };
            let evidence = evidence(first, second);
            let discordant = match evidence {
                Evidence::Discordant(discordant) => Some(discordant),
                _ => None,
            };
            let (method, standard_error, z, p) = match evidence {
                Evidence::Counts => (
                    Method::TwoProportionZ,
                    counts.standard_error,
                    counts.z,
                    counts.p,
                ),
                Evidence::Discordant(it) => (
                    Method::McNemarExact,
                    100.0 * ((it.only_first + it.only_second) as f64).sqrt() / cell.n() as f64,
                    counts.z,
                    mcnemar_exact(it),
                ),
                Evidence::Runs { images, runs } => {
                    let error = (images + runs[0].variance + runs[1].variance).sqrt();
                    let z = if difference == 0.0 {
                        0.0
                    } else {
                        difference / error
                    };
                    let p = repeated_p(difference, images, runs);
                    (Method::ImagesAndRuns, error, z, p)
                }
            };
            pairs.push(PairTest {
                first,
                second,
                difference,
                z,
                standard_error,
                discordant,
                p,
                mid_p: discordant.map(mcnemar_mid_p),
                holm: 1.0,
                holm_over_all: 1.0,
                benjamini_hochberg: 1.0,
                method,
            });
        }
    }
    let p: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
    for ((pair, holm), bh) in pairs.iter_mut().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
        pair.holm = holm;
        pair.holm_over_all = holm;
        pair.benjamini_hochberg = bh;
    }
    PairTests {
        data_set,
        alpha,
        pairs,
    }
}

/// Corrects the pairs of all data sets for the number of them all.
pub fn holm_over_all(tests: &mut [PairTests]) {
    let pairs = tests.iter().flat_map(|tests| &tests.pairs);
    let p: Vec<f64> = pairs.map(|pair| pair.p).collect();
    let pairs = tests.iter_mut().flat_map(|tests| &mut tests.pairs);
    for (pair, adjusted) in pairs.zip(holm(&p)) {
        pair.holm_over_all = adjusted;
    }
}
