//! The labels of a data set: several valid ones per sample, or none, over a declared label space.

use super::{EvaluateError, Result};
use ssl_datasets::source::Source;

/// Valid labels of every sample, in compressed rows.
///
/// Sample `i` has the labels `values[offsets[i] .. offsets[i + 1]]`, ascending and without
/// repetition. An empty row means that nobody could name the image; it is left out of every score.
/// The size of the label space is declared and never derived from the labels that happen to occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    offsets: Vec<usize>,
    values: Vec<u32>,
    num_classes: usize,
    subset: Option<Vec<u32>>,
}

impl Labels {
    /// The labels of a source over its declared classes.
    ///
    /// # Errors
    /// As [`Self::from_rows`] and [`Self::with_subset`].
    pub fn of_source(source: &dyn Source) -> Result<Self> {
        let labels = Self::from_rows(source.labels().iter(), source.space().classes.len())?;
        match &source.space().subset {
            Some(subset) => labels.with_subset(subset.clone()),
            None => Ok(labels),
        }
    }

    /// One label per sample.
    ///
    /// # Errors
    /// [`EvaluateError::Label`] for a label at or above `num_classes`.
    pub fn single(labels: &[u32], num_classes: usize) -> Result<Self> {
        Self::from_rows(labels.iter().map(std::slice::from_ref), num_classes)
    }

    /// Any number of labels per sample, in any order.
    ///
    /// # Errors
    /// [`EvaluateError::Label`] for a label at or above `num_classes`.
    pub fn from_rows<R: AsRef<[u32]>>(
        rows: impl IntoIterator<Item = R>,
        num_classes: usize,
    ) -> Result<Self> {
        let mut offsets = vec![0];
        let mut values = Vec::new();
        for (sample, row) in rows.into_iter().enumerate() {
            let mut row = row.as_ref().to_vec();
            row.sort_unstable();
            row.dedup();
            if let Some(&label) = row.last()
                && label as usize >= num_classes
            {
                return Err(EvaluateError::Label {
                    classes: num_classes,
                    label,
                    sample,
                });
            }
            values.extend_from_slice(&row);
            offsets.push(values.len());
        }
        Ok(Self {
            offsets,
            values,
            num_classes,
            subset: None,
        })
    }

    /// Declares that only these classes occur (the frozen list of the data set, ascending).
    ///
    /// # Errors
    /// [`EvaluateError::Subset`] where the list is empty, not strictly ascending or leaves the label
    /// space; [`EvaluateError::OutsideSubset`] where a label is not in it.
    pub fn with_subset(mut self, subset: Vec<u32>) -> Result<Self> {
        check_subset(&subset, self.num_classes)?;
        for sample in 0..self.len() {
            for &label in self.get(sample) {
                if subset.binary_search(&label).is_err() {
                    return Err(EvaluateError::OutsideSubset {
                        classes: subset.len(),
                        label,
                        sample,
                    });
                }
            }
        }
        self.subset = Some(subset);
        Ok(self)
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size of the label space.
    #[must_use]
    pub fn num_classes(&self) -> usize {
        self.num_classes
    }

    /// The classes that may occur, where they are fewer than the label space.
    #[must_use]
    pub fn subset(&self) -> Option<&[u32]> {
        self.subset.as_deref()
    }

    /// The valid labels of one sample, ascending.
    ///
    /// # Panics
    /// When there is no such sample.
    #[must_use]
    pub fn get(&self, sample: usize) -> &[u32] {
        &self.values[self.offsets[sample]..self.offsets[sample + 1]]
    }

    /// The one label of every sample.
    ///
    /// # Errors
    /// [`EvaluateError::NotSingle`] where a sample has none or several.
    pub fn to_single(&self) -> Result<Vec<u32>> {
        (0..self.len())
            .map(|sample| match *self.get(sample) {
                [label] => Ok(label),
                ref other => Err(EvaluateError::NotSingle {
                    found: other.len(),
                    sample,
                }),
            })
            .collect()
    }
}

/// Checks that `subset` is a non-empty, strictly ascending list of classes below `num_classes`.
fn check_subset(subset: &[u32], num_classes: usize) -> Result<()> {
    let fault = |found: String| {
        Err(EvaluateError::Subset {
            classes: num_classes,
            found,
        })
    };
    match subset.last() {
        None => return fault("an empty list".to_owned()),
        Some(&last) if last as usize >= num_classes => return fault(format!("class {last}")),
        Some(_) => {}
    }
    match subset.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => fault(format!("{} followed by {}", pair[0], pair[1])),
        None => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_may_be_empty() {
        let labels = Labels::from_rows([vec![3, 1, 3], vec![], vec![0]], 4).unwrap();
        assert_eq!(labels.len(), 3);
        assert_eq!(labels.get(0), [1, 3]);
        assert!(labels.get(1).is_empty());
        assert_eq!(labels.get(2), [0]);
        assert!(matches!(
            labels.to_single(),
            Err(EvaluateError::NotSingle {
                found: 2,
                sample: 0
            })
        ));
    }

    #[test]
    fn labels_outside_the_space_or_the_subset_are_refused() {
        assert!(matches!(
            Labels::single(&[0, 4], 4),
            Err(EvaluateError::Label {
                label: 4,
                sample: 1,
                ..
            })
        ));
        let labels = Labels::single(&[0, 2, 3], 4).unwrap();
        assert!(labels.clone().with_subset(vec![0, 2, 3]).is_ok());
        assert!(matches!(
            labels.clone().with_subset(vec![0, 3]),
            Err(EvaluateError::OutsideSubset {
                label: 2,
                sample: 1,
                ..
            })
        ));
        for bad in [vec![], vec![0, 4], vec![2, 0, 3], vec![0, 2, 2, 3]] {
            assert!(matches!(
                labels.clone().with_subset(bad),
                Err(EvaluateError::Subset { .. })
            ));
        }
    }
}
