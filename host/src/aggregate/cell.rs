//! One result: how many of `n` images are right, kept exactly.

use std::cmp::Ordering;

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
    decimals: Option<u32>,
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
            decimals: None,
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
            decimals: Some(decimals),
        })
    }

    /// Images in the test set.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Images counted as correct; `None` for a published percentage.
    #[must_use]
    pub fn correct(&self) -> Option<u64> {
        self.decimals.is_none().then_some(self.numerator)
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
        self.decimals
            .map_or(0.0, |decimals| 0.5 / 10f64.powi(decimals.min(30) as i32))
    }

    /// Printed decimals of a published percentage; `None` for a counted cell.
    #[must_use]
    pub fn decimals(&self) -> Option<u32> {
        self.decimals
    }

    /// Accuracy as `(numerator, denominator)`, not reduced.
    #[must_use]
    pub fn fraction(&self) -> (u64, u64) {
        (self.numerator, self.denominator)
    }

    /// Binomial standard error `sqrt(p (1 - p) / n)` of the share.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        let p = self.share();
        (p * (1.0 - p) / self.n as f64).sqrt()
    }
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
    fn a_percentage_need_not_be_a_whole_count() {
        let cell = published("2.3", 7500);
        assert_eq!(cell.hits(), 172.5);
        assert_eq!(cell.correct(), None);
        assert_eq!(cell.percent(), 2.3);
        assert_eq!(cell.rounding(), 0.05);
        // 100 * sqrt(0.023 * 0.977 / 7500)
        assert!((100.0 * cell.standard_error() - 0.173_093_423_7).abs() < 1e-10);
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
