//! Which images each framework gets right, one bit per image.

use std::collections::HashMap;

use super::{AggregateError, Discordant, Table};

/// Frameworks whose outcomes fit one joint pattern.
const MAX_FRAMEWORKS: usize = 128;

/// Per-image outcomes of several frameworks on the same images in the same order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairedOutcomes {
    images: usize,
    rows: Vec<usize>,
    words: Vec<Vec<u64>>,
}

impl PairedOutcomes {
    /// Packs outcomes: for each framework its row in the table, its name, and whether each image is right.
    ///
    /// # Errors
    /// [`AggregateError::NoImages`], [`AggregateError::UnalignedOutcomes`] for lists of different length,
    /// [`AggregateError::TooManyFrameworks`] beyond 128.
    pub fn try_new<'a>(
        outcomes: impl IntoIterator<Item = (usize, &'a str, &'a [bool])>,
    ) -> Result<Self, AggregateError> {
        let mut packed = Self {
            images: 0,
            rows: Vec::new(),
            words: Vec::new(),
        };
        for (row, framework, correct) in outcomes {
            if packed.rows.is_empty() {
                packed.images = correct.len();
            }
            if correct.len() != packed.images {
                return Err(AggregateError::UnalignedOutcomes {
                    framework: framework.to_owned(),
                    expected: packed.images,
                    found: correct.len(),
                });
            }
            packed.rows.push(row);
            packed.words.push(correct.chunks(64).map(pack).collect());
        }
        if packed.images == 0 {
            return Err(AggregateError::NoImages);
        }
        if packed.rows.len() > MAX_FRAMEWORKS {
            return Err(AggregateError::TooManyFrameworks {
                limit: MAX_FRAMEWORKS,
                found: packed.rows.len(),
            });
        }
        Ok(packed)
    }

    /// Number of images.
    #[must_use]
    pub fn images(&self) -> usize {
        self.images
    }

    /// Rows of the table that have outcomes.
    #[must_use]
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// How many images a row gets right; `None` for a row without outcomes.
    #[must_use]
    pub fn correct(&self, row: usize) -> Option<u64> {
        let words = self.words_of(row)?;
        Some(words.iter().map(|word| u64::from(word.count_ones())).sum())
    }

    /// Images on which exactly one of two rows is right.
    #[must_use]
    pub fn discordant(&self, first: usize, second: usize) -> Option<Discordant> {
        let (a, b) = (self.words_of(first)?, self.words_of(second)?);
        let mut counts = Discordant {
            only_first: 0,
            only_second: 0,
        };
        for (a, b) in a.iter().zip(b) {
            counts.only_first += u64::from((a & !b).count_ones());
            counts.only_second += u64::from((b & !a).count_ones());
        }
        Some(counts)
    }

    /// Whether outcomes exist for every row that has a cell, and add up to it.
    #[must_use]
    pub fn covers(&self, table: &Table, data_set: usize) -> bool {
        (0..table.frameworks().len()).all(|row| match table.cell(row, data_set) {
            Some(cell) => self.correct(row).is_some() && self.correct(row) == cell.correct(),
            None => true,
        })
    }

    /// The distinct joint outcomes and how often each occurs, in a fixed order; bit `f` belongs to the `f`-th of
    /// [`PairedOutcomes::rows`].
    pub(super) fn patterns(&self) -> Vec<(u128, u32)> {
        let mut counts: HashMap<u128, u32> = HashMap::new();
        for image in 0..self.images {
            let bit = |words: &Vec<u64>| u128::from(words[image / 64] >> (image % 64) & 1);
            let pattern = self
                .words
                .iter()
                .enumerate()
                .fold(0, |all, (place, words)| all | bit(words) << place);
            *counts.entry(pattern).or_default() += 1;
        }
        let mut patterns: Vec<(u128, u32)> = counts.into_iter().collect();
        patterns.sort_unstable();
        patterns
    }

    fn words_of(&self, row: usize) -> Option<&[u64]> {
        let place = self.rows.iter().position(|&known| known == row)?;
        Some(&self.words[place])
    }
}

fn pack(bits: &[bool]) -> u64 {
    bits.iter()
        .enumerate()
        .fold(0, |word, (place, &bit)| word | u64::from(bit) << place)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn counts_discordance_and_patterns_by_hand() {
        let a: Vec<bool> = (0..70).map(|image| image < 68).collect();
        let b: Vec<bool> = (0..70).map(|image| image >= 1).collect();
        let paired = PairedOutcomes::try_new([(4, "a", &a[..]), (2, "b", &b[..])]).unwrap();
        assert_eq!(
            (paired.correct(4), paired.correct(2), paired.correct(0)),
            (Some(68), Some(69), None)
        );
        let expected = Discordant {
            only_first: 1,
            only_second: 2,
        };
        assert_eq!(paired.discordant(4, 2), Some(expected));
        assert_eq!(paired.patterns(), [(0b01, 1), (0b10, 2), (0b11, 67)]);
    }

    #[test]
    fn unaligned_lists_are_refused() {
        let found = PairedOutcomes::try_new([(0, "a", &[true, false][..]), (1, "b", &[true][..])]);
        let expected = AggregateError::UnalignedOutcomes {
            framework: "b".to_owned(),
            expected: 2,
            found: 1,
        };
        assert_eq!(found, Err(expected));
        assert_eq!(PairedOutcomes::try_new([]), Err(AggregateError::NoImages));
    }
}
