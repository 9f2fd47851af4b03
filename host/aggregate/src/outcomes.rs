//! Which images each run of each framework gets right, one bit per image.

use super::{AggregateError, Discordant, Table};

/// A run whose outcomes are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Row of the table.
    pub row: usize,
    /// Seed, or head of a single seed: what is repeated independently in the row. Members of one row and unit are heads
    /// of one seed.
    pub unit: u64,
}

/// Per-image outcomes of several frameworks on the same images in the same order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairedOutcomes {
    images: usize,
    members: Vec<Member>,
    words: Vec<Vec<u64>>,
    identities: Option<Vec<u32>>,
}

impl PairedOutcomes {
    /// Packs outcomes of single runs: for each framework its row in the table, its name, and whether each image is
    /// right.
    ///
    /// # Errors
    /// As [`PairedOutcomes::of_runs`].
    pub fn try_new<'a>(
        outcomes: impl IntoIterator<Item = (usize, &'a str, &'a [bool])>,
    ) -> Result<Self, AggregateError> {
        let single = |(row, name, correct)| (Member { row, unit: 0 }, name, correct);
        Self::of_runs(outcomes.into_iter().map(single))
    }

    /// Packs outcomes: for each run where it belongs, its framework's name, and whether each image is right.
    ///
    /// # Errors
    /// [`AggregateError::NoImages`], [`AggregateError::UnalignedOutcomes`] for lists of different length.
    pub fn of_runs<'a>(
        outcomes: impl IntoIterator<Item = (Member, &'a str, &'a [bool])>,
    ) -> Result<Self, AggregateError> {
        let mut packed = Self {
            images: 0,
            members: Vec::new(),
            words: Vec::new(),
            identities: None,
        };
        for (member, framework, correct) in outcomes {
            if packed.members.is_empty() {
                packed.images = correct.len();
            }
            if correct.len() != packed.images {
                return Err(AggregateError::UnalignedOutcomes {
                    framework: framework.to_owned(),
                    expected: packed.images,
                    found: correct.len(),
                });
            }
            packed.members.push(member);
            packed.words.push(correct.chunks(64).map(pack).collect());
        }
        if packed.images == 0 {
            return Err(AggregateError::NoImages);
        }
        Ok(packed)
    }

    /// The same outcomes, with a number for each image that other data sets give to the same image.
    ///
    /// # Errors
    /// [`AggregateError::UnalignedOutcomes`] for another number of images.
    pub fn identified(self, identities: Vec<u32>) -> Result<Self, AggregateError> {
        if identities.len() != self.images {
            return Err(AggregateError::UnalignedOutcomes {
                framework: "identities of the images".to_owned(),
                expected: self.images,
                found: identities.len(),
            });
        }
        Ok(Self {
            identities: Some(identities),
            ..self
        })
    }

    /// Number of images.
    #[must_use]
    pub fn images(&self) -> usize {
        self.images
    }

    /// Numbers that data sets of the same images share; `None` where nothing is known of them.
    #[must_use]
    pub fn identities(&self) -> Option<&[u32]> {
        self.identities.as_deref()
    }

    /// Images on which exactly one of two rows is right; `None` unless both are single runs.
    #[must_use]
    pub fn discordant(&self, first: usize, second: usize) -> Option<Discordant> {
        let (a, b) = (self.only_run(first)?, self.only_run(second)?);
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

    /// Share of a row's runs that are right on each image, seeds weighing the same; `None` for a row without outcomes.
    #[must_use]
    pub fn mean(&self, row: usize) -> Option<Vec<f32>> {
        let units = self.units(row);
        let mut mean = vec![0.0; self.images];
        for unit in &units {
            let weight = 1.0 / (units.len() * unit.len()) as f32;
            for words in unit {
                add(words, weight, &mut mean);
            }
        }
        (!units.is_empty()).then_some(mean)
    }

    /// Variance of one unit's accuracy that is due to the images it was judged on: the interaction of units and images,
    /// `Σ (x_ui - x̄_u - x̄_i + x̄)² / ((U - 1)(n - 1) n)` in squared shares. 0 for a row with one unit.
    ///
    /// The spread between units contains it, and so does the sampling of images.
    #[must_use]
    pub fn interaction(&self, row: usize) -> f64 {
        let units = self.units(row);
        if units.len() < 2 || self.images < 2 {
            return 0.0;
        }
        let (count, n) = (units.len() as f64, self.images as f64);
        let mut squares = 0.0;
        let mut of_units = Vec::with_capacity(units.len());
        let mut total = vec![0.0f32; self.images];
        for unit in &units {
            let mut own = vec![0.0f32; self.images];
            for words in unit {
                add(words, 1.0 / unit.len() as f32, &mut own);
            }
            squares += own.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
            of_units.push(own.iter().map(|x| f64::from(*x)).sum::<f64>() / n);
            total.iter_mut().zip(&own).for_each(|(all, x)| *all += x);
        }
        let of_images: f64 = total.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / count;
        let mean = of_units.iter().sum::<f64>() / count;
        let between: f64 = of_units.iter().map(|x| x * x).sum::<f64>() * n;
        let residual = squares - of_images - between + n * count * mean * mean;
        (residual / ((count - 1.0) * (n - 1.0) * n)).max(0.0)
    }

    /// Whether outcomes exist for every row that has a cell, and add up to it.
    #[must_use]
    pub fn covers(&self, table: &Table, data_set: usize) -> bool {
        (0..table.frameworks().len()).all(|row| match table.cell(row, data_set) {
            Some(cell) => {
                cell.n() == self.images as u64
                    && (self.share(row)).is_some_and(|share| (share - cell.share()).abs() < 1e-9)
            }
            None => true,
        })
    }

    /// Accuracy of a row.
    fn share(&self, row: usize) -> Option<f64> {
        let units = self.units(row);
        let share = |unit: &Vec<&[u64]>| {
            let ones = unit.iter().flat_map(|words| words.iter());
            let ones: u64 = ones.map(|word| u64::from(word.count_ones())).sum();
            ones as f64 / (unit.len() * self.images) as f64
        };
        (!units.is_empty()).then(|| units.iter().map(share).sum::<f64>() / units.len() as f64)
    }

    /// The outcomes of a row by unit.
    fn units(&self, row: usize) -> Vec<Vec<&[u64]>> {
        let mut units: Vec<(u64, Vec<&[u64]>)> = Vec::new();
        for (member, words) in self.members.iter().zip(&self.words) {
            if member.row != row {
                continue;
            }
            match units.iter_mut().find(|(unit, _)| *unit == member.unit) {
                Some((_, all)) => all.push(words),
                None => units.push((member.unit, vec![words])),
            }
        }
        units.into_iter().map(|(_, words)| words).collect()
    }

    fn only_run(&self, row: usize) -> Option<&[u64]> {
        match self.units(row)[..] {
            [ref unit] if unit.len() == 1 => Some(unit[0]),
            _ => None,
        }
    }
}

fn pack(bits: &[bool]) -> u64 {
    bits.iter()
        .enumerate()
        .fold(0, |word, (place, &bit)| word | u64::from(bit) << place)
}

/// Adds `weight` where a bit is set.
fn add(words: &[u64], weight: f32, values: &mut [f32]) {
    for (word, values) in words.iter().zip(values.chunks_mut(64)) {
        for (place, value) in values.iter_mut().enumerate() {
            *value += weight * (word >> place & 1) as f32;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn paired_outcomes_match_hand_computation() {
        let a: Vec<bool> = (0..70).map(|image| image < 68).collect();
        let b: Vec<bool> = (0..70).map(|image| image >= 1).collect();
        let paired = PairedOutcomes::try_new([(4, "a", &a[..]), (2, "b", &b[..])]).unwrap();
        let expected = Discordant {
            only_first: 1,
            only_second: 2,
        };
        assert_eq!(paired.discordant(4, 2), Some(expected));
        assert_eq!(paired.share(4), Some(68.0 / 70.0));
        assert_eq!(paired.mean(0), None);
        // Two seeds of row 1, of which the first has two heads.
        let member = |unit| Member { row: 1, unit };
        let bits = [[true, true], [false, true], [false, true]];
        let runs = PairedOutcomes::of_runs([
            (member(7), "a", &bits[0][..]),
            (member(7), "a", &bits[1][..]),
            (member(8), "a", &bits[2][..]),
        ])
        .unwrap();
        assert_eq!(runs.mean(1), Some(vec![0.25, 1.0]));
        assert_eq!(runs.discordant(1, 1), None);
        // Units (0.5, 1) and (0, 1): residuals ±0.125, so 4/64 over (2 - 1)(2 - 1) 2.
        assert!((runs.interaction(1) - 1.0 / 32.0).abs() < 1e-9);
    }

    #[test]
    fn paired_outcomes_of_different_images_are_refused() {
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
