//! A layer over a source: fewer samples, other labels, another label space.

use std::fs::Metadata;
use std::sync::Arc;

use super::{LabelSpace, Labels, Scratch, Source};
use crate::{DataError, ImageRef};

/// Some samples of another source, with labels and classes of its own.
pub struct Relabelled {
    inner: Arc<dyn Source>,
    /// Which samples of `inner`; all of them when absent.
    samples: Option<Vec<u32>>,
    labels: Labels,
    space: LabelSpace,
}

impl Relabelled {
    /// All samples of `inner` with other labels; `labels` has one entry per sample.
    #[must_use]
    pub fn with_labels(inner: Arc<dyn Source>, labels: Labels, space: LabelSpace) -> Self {
        debug_assert_eq!(labels.len(), inner.len());
        Self {
            inner,
            samples: None,
            labels,
            space,
        }
    }

    /// Some samples of `inner` with labels of their own, in the order given.
    #[must_use]
    pub fn select(
        inner: Arc<dyn Source>,
        samples: Vec<u32>,
        labels: Labels,
        space: LabelSpace,
    ) -> Self {
        debug_assert_eq!(labels.len(), samples.len());
        Self {
            inner,
            samples: Some(samples),
            labels,
            space,
        }
    }

    /// Some samples of `inner`, otherwise as they are.
    #[must_use]
    pub fn keep(inner: Arc<dyn Source>, samples: Vec<u32>) -> Self {
        let labels = Labels::multi(samples.iter().map(|&s| inner.labels().of(s as usize)));
        let space = inner.space().clone();
        Self::select(inner, samples, labels, space)
    }

    fn inner_index(&self, index: usize) -> usize {
        match &self.samples {
            Some(samples) => samples[index] as usize,
            None => index,
        }
    }
}

impl Source for Relabelled {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn space(&self) -> &LabelSpace {
        &self.space
    }

    fn id(&self, index: usize) -> String {
        self.inner.id(self.inner_index(index))
    }

    fn stored_len(&self, index: usize, scratch: &mut Scratch) -> Result<u64, DataError> {
        self.inner.stored_len(self.inner_index(index), scratch)
    }

    fn stored<'a>(
        &'a self,
        index: usize,
        most: usize,
        scratch: &'a mut Scratch,
    ) -> Result<&'a [u8], DataError> {
        self.inner.stored(self.inner_index(index), most, scratch)
    }

    fn passed_over(&self) -> Option<&str> {
        self.inner.passed_over()
    }

    fn image<'a>(
        &'a self,
        index: usize,
        scratch: &'a mut Scratch,
    ) -> Result<ImageRef<'a>, DataError> {
        self.inner.image(self.inner_index(index), scratch)
    }

    fn image_rows<'a>(
        &'a self,
        index: usize,
        scratch: &'a mut Scratch,
        needed: &dyn Fn(usize, usize) -> usize,
    ) -> Result<ImageRef<'a>, DataError> {
        let index = self.inner_index(index);
        self.inner.image_rows(index, scratch, needed)
    }

    fn metadata(&self, index: usize) -> Option<Metadata> {
        self.inner.metadata(self.inner_index(index))
    }
}
