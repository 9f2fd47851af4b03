//! Labels: one, several or none per sample, and the classes they come from.

/// The classes a label indexes into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSpace {
    /// Short name of each class, in label order.
    pub classes: Vec<String>,
    /// Where only some classes can occur (as in ImageNet-R and -A): their labels, ascending. Such a
    /// set can be scored over all classes or over these alone.
    pub subset: Option<Vec<u32>>,
}

impl LabelSpace {
    /// All of `classes` can occur.
    #[must_use]
    pub fn full(classes: Vec<String>) -> Self {
        Self {
            classes,
            subset: None,
        }
    }
}

/// The valid labels of every sample, in order of the samples.
///
/// Usually exactly one each. A sample with several counts as right when any of them is predicted;
/// one with none is left out of the score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    values: Vec<u32>,
    /// Start of each sample's labels in `values`, and the end of the last; absent when every sample
    /// has exactly one.
    offsets: Option<Vec<u32>>,
}

impl Labels {
    /// One label per sample.
    #[must_use]
    pub fn single(values: Vec<u32>) -> Self {
        Self {
            values,
            offsets: None,
        }
    }

    /// Any number of labels per sample.
    pub fn multi<L: AsRef<[u32]>>(lists: impl IntoIterator<Item = L>) -> Self {
        let mut values = Vec::new();
        let mut offsets = vec![0];
        for list in lists {
            values.extend_from_slice(list.as_ref());
            offsets.push(values.len() as u32);
        }
        if offsets.windows(2).all(|w| w[1] - w[0] == 1) {
            return Self::single(values);
        }
        Self {
            values,
            offsets: Some(offsets),
        }
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.offsets {
            None => self.values.len(),
            Some(offsets) => offsets.len() - 1,
        }
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The valid labels of a sample.
    ///
    /// # Panics
    /// When there is no such sample.
    #[must_use]
    pub fn of(&self, sample: usize) -> &[u32] {
        match &self.offsets {
            None => &self.values[sample..=sample],
            Some(offsets) => &self.values[offsets[sample] as usize..offsets[sample + 1] as usize],
        }
    }

    /// One label per sample, where that is so.
    #[must_use]
    pub fn as_single(&self) -> Option<&[u32]> {
        self.offsets.is_none().then_some(self.values.as_slice())
    }

    /// The labels of each sample in turn.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|sample| self.of(sample))
    }

    /// Number of samples that have a label.
    #[must_use]
    pub fn scored(&self) -> usize {
        self.iter().filter(|labels| !labels.is_empty()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_samples() {
        let labels = Labels::multi([vec![3], vec![], vec![1, 2]]);
        assert_eq!(labels.len(), 3);
        assert_eq!(labels.of(0), [3]);
        assert!(labels.of(1).is_empty());
        assert_eq!(labels.of(2), [1, 2]);
        assert_eq!(labels.scored(), 2);
        assert_eq!(labels.as_single(), None);
    }

    #[test]
    fn singletons_are_recognised() {
        let labels = Labels::multi([[3], [1]]);
        assert_eq!(labels.as_single(), Some([3, 1].as_slice()));
    }
}
