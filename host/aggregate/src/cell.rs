//! One result: how many of `n` images are right, kept exactly.

use std::cmp::Ordering;

use super::exact::least_common;
use super::{AggregateError, Decimal};

/// Accuracy of one framework on one data set, as an exact fraction with its sample size.
///
/// A counted cell is `correct / n`. A published cell is a percentage as printed, whose count need not be whole
/// (2.3 % of 7,500 is 172.5); its rounding, half a unit of the last decimal, is remembered.
/// Cells order by accuracy and equal accuracies compare equal, whatever their denominators.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    numerator: u64,
    denominator: u64,
    n: u64,
    origin: Origin,
}

/// Where a cell's fraction comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Images counted as correct.
    Counted,
    /// The mean of several runs on the same images.
    Mean,
    /// A percentage with this many printed decimals.
    Published(u32),
}

impl Cell {
    /// `correct` of `n` images.
    ///
    /// # Errors
    /// [`AggregateError::NoImages`] for `n = 0`, [`AggregateError::TooManyCorrect`] for `correct > n`.
    pub fn counted(correct: u64, n: u64) -> Result<Self, AggregateError> {
        if n == 0 {
            return Err(AggregateError::NoImages);
        }
        if correct > n {
            return Err(AggregateError::TooManyCorrect { correct, n });
        }
        Ok(Self {
            numerator: correct,
            denominator: n,
            n,
            origin: Origin::Counted,
        })
    }

    /// The mean over seeds of the mean over each seed's heads: `correct[seed][head]` of the same `n` images.
    ///
    /// One run alone gives the same as [`Cell::counted`].
    ///
    /// # Errors
    /// [`AggregateError::NoImages`] for `n = 0` or without runs, [`AggregateError::TooManyCorrect`] for a count above
    /// `n`, [`AggregateError::TooManyRuns`] where the exact mean needs a larger denominator than 64 bits.
    pub fn mean(correct: &[Vec<u64>], n: u64) -> Result<Self, AggregateError> {
        if let [only] = correct
            && let [only] = only[..]
        {
            return Self::counted(only, n);
        }
        if n == 0 || correct.iter().all(Vec::is_empty) {
            return Err(AggregateError::NoImages);
        }
        if let Some(&correct) = correct.iter().flatten().find(|&&correct| correct > n) {
            return Err(AggregateError::TooManyCorrect { correct, n });
        }
        let seeds: Vec<&Vec<u64>> = correct.iter().filter(|heads| !heads.is_empty()).collect();
        // Seeds with different numbers of heads weigh the same, so heads are counted in a common fraction.
        let heads = seeds
            .iter()
            .fold(1, |all, heads| least_common(all, heads.len() as u64));
        let numerator = seeds
            .iter()
            .map(|correct| u128::from(heads / correct.len() as u64) * sum(correct))
            .sum::<u128>();
        let denominator = u128::from(n) * u128::from(heads) * seeds.len() as u128;
        let (Ok(numerator), Ok(denominator)) =
            (u64::try_from(numerator), u64::try_from(denominator))
        else {
            let runs = correct.iter().map(Vec::len).sum();
            return Err(AggregateError::TooManyRuns { runs });
        };
        Ok(Self {
            numerator,
            denominator,
            n,
            origin: Origin::Mean,
        })
    }

    /// A percentage as published with `decimals` printed decimals, over `n` images.
    ///
    /// # Errors
    /// [`AggregateError::NoImages`] for `n = 0`, [`AggregateError::OutOfRange`] above 100 percent.
    pub fn published(percent: Decimal, decimals: u32, n: u64) -> Result<Self, AggregateError> {
        if n == 0 {
            return Err(AggregateError::NoImages);
        }
        let denominator = 100 * 10u64.pow(percent.scale());
        if percent.mantissa() > denominator {
            return Err(AggregateError::OutOfRange {
                text: percent.to_f64().to_string(),
            });
        }
        Ok(Self {
            numerator: percent.mantissa(),
            denominator,
            n,
            origin: Origin::Published(decimals),
        })
    }

    /// Images in the test set.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Images counted as correct; `None` for a published percentage and for a mean over runs.
    #[must_use]
    pub fn correct(&self) -> Option<u64> {
        (self.origin == Origin::Counted).then_some(self.numerator)
    }

    /// Correct images as a number that need not be whole.
    #[must_use]
    pub fn hits(&self) -> f64 {
        (u128::from(self.numerator) * u128::from(self.n)) as f64 / self.denominator as f64
    }

    /// Accuracy in `[0, 1]`.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// Accuracy in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        (u128::from(self.numerator) * 100) as f64 / self.denominator as f64
    }

    /// Smoothed accuracy `(k + 1/2) / (n + 1)`, never 0 or 1 (`k` images right of `n`).
    #[must_use]
    pub fn smoothed_share(&self) -> f64 {
        (self.hits() + 0.5) / (self.n as f64 + 1.0)
    }

    /// Half a unit of the last printed decimal, in percent; 0 for a counted cell.
    #[must_use]
    pub fn rounding(&self) -> f64 {
        self.decimals()
            .map_or(0.0, |decimals| 0.5 / 10f64.powi(decimals.min(30) as i32))
    }

    /// Printed decimals of a published percentage; `None` for a counted cell.
    #[must_use]
    pub fn decimals(&self) -> Option<u32> {
        match self.origin {
            Origin::Published(decimals) => Some(decimals),
            Origin::Counted | Origin::Mean => None,
        }
    }

    /// Accuracy as `(numerator, denominator)`, not reduced.
    #[must_use]
    pub fn fraction(&self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }

    /// Whether no image or every image is right.
    #[must_use]
    pub fn is_at_edge(&self) -> bool {
        self.numerator == 0 || self.numerator == self.denominator
    }

    /// The accuracy, or [`Cell::smoothed_share`] where it is 0 or 1: what new images are drawn with, since no sample
    /// proves that a framework is always right or always wrong.
    #[must_use]
    pub fn inner_share(&self) -> f64 {
        if self.is_at_edge() {
            self.smoothed_share()
        } else {
            self.share()
        }
    }

    /// Binomial standard error `sqrt(p (1 - p) / n)` of the share, with `p` the [`Cell::inner_share`].
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        let p = self.inner_share();
        (p * (1.0 - p) / self.n as f64).sqrt()
    }
}

fn sum(counts: &[u64]) -> u128 {
    counts.iter().map(|&count| u128::from(count)).sum()
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cell {}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cell {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = u128::from(self.numerator) * u128::from(other.denominator);
        let right = u128::from(other.numerator) * u128::from(self.denominator);
        left.cmp(&right)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn published(text: &str, n: u64) -> Cell {
        Cell::published(Decimal::parse(text).unwrap(), 1, n).unwrap()
    }

    #[test]
    fn equal_accuracies_compare_equal_whatever_the_denominator() {
        assert_eq!(Cell::counted(1, 3).unwrap(), Cell::counted(2, 6).unwrap());
        assert_eq!(
            published("59.8", 10_000),
            Cell::counted(5980, 10_000).unwrap()
        );
        // In floats 0.1 + 0.2 exceeds 0.3 and 59.8 - 59.7 differs from 0.1.
        assert_eq!(published("0.3", 10), Cell::counted(3, 1000).unwrap());
        assert!(published("59.8", 10_000) > published("59.7", 10_000));
    }

    #[test]
    fn cell_accepts_percentages_between_counts() {
        let cell = published("2.3", 7500);
        assert_eq!(cell.hits(), 172.5);
        assert_eq!(cell.correct(), None);
        assert_eq!(cell.percent(), 2.3);
        assert_eq!(cell.rounding(), 0.05);
        // 100 * sqrt(0.023 * 0.977 / 7500)
        assert!((100.0 * cell.standard_error() - 0.173_093_423_7).abs() < 1e-10);
    }

    #[test]
    fn a_mean_over_runs_is_exact_and_weighs_seeds_the_same() {
        // Seeds (1 + 2)/2 and 3 of 10: (1.5 + 3)/2 = 2.25.
        let cell = Cell::mean(&[vec![1, 2], vec![3]], 10).unwrap();
        assert_eq!(cell.fraction(), (9, 40));
        assert_eq!((cell.n(), cell.correct(), cell.percent()), (10, None, 22.5));
        assert_eq!(Cell::mean(&[vec![4]], 10).unwrap().correct(), Some(4));
        assert_eq!(Cell::mean(&[vec![]], 10), Err(AggregateError::NoImages));
    }

    #[test]
    fn standard_error_is_positive_at_0_and_100_percent() {
        let error = |correct| Cell::counted(correct, 99).unwrap().standard_error();
        // (0 + 1/2)/(99 + 1) = 0.005.
        assert!((error(0) - (0.005 * 0.995 / 99.0f64).sqrt()).abs() < 1e-15);
        assert!((error(99) - error(0)).abs() < 1e-15);
    }

    #[test]
    fn impossible_cells_are_refused() {
        assert_eq!(Cell::counted(0, 0), Err(AggregateError::NoImages));
        assert_eq!(
            Cell::counted(4, 3),
            Err(AggregateError::TooManyCorrect { correct: 4, n: 3 })
        );
        let above = Decimal::parse("100.1").unwrap();
        assert_eq!(
            Cell::published(above, 1, 10),
            Err(AggregateError::OutOfRange {
                text: "100.1".to_owned()
            })
        );
    }
}
