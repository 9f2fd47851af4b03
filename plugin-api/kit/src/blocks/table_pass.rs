//! A pass over the training set that fills a table of features.

use super::error::BlockError;
use super::feature_table::FeatureTable;
use burn::tensor::{Device, Tensor};
use ssl_plugin_api::export::called;

/// The features that a clustering pass brings, and the place in training of the last pass that was finished: an epoch
/// or a step, as the framework counts its passes.
///
/// ```
/// use ssl_plugin_kit::blocks::TablePass;
/// use ssl_plugin_kit::testing::{cpu, matrix};
///
/// let mut pass = TablePass::new(1, &cpu());
/// assert!(!pass.is_finished(3));
/// pass.begin(3, 2);
/// pass.put(&[1], &matrix([[4.0]])).unwrap();
/// let (place, table) = pass.end().unwrap();
/// assert_eq!((place, table.samples()), (3, 2));
/// pass.finish(place);
/// assert!(pass.is_finished(3));
/// ```
#[derive(Debug)]
pub struct TablePass {
    dim: usize,
    device: Device,
    /// The open pass, and the place in training that it is for.
    open: Option<(u64, FeatureTable)>,
    finished: Option<u64>,
}

impl TablePass {
    /// No pass yet; tables are of width `dim`.
    #[must_use]
    pub fn new(dim: usize, device: &Device) -> Self {
        Self {
            dim,
            device: device.clone(),
            open: None,
            finished: None,
        }
    }

    /// Whether the pass at this place in training is finished.
    #[must_use]
    pub fn is_finished(&self, place: u64) -> bool {
        self.finished == Some(place)
    }

    /// Opens a pass over so many samples.
    pub fn begin(&mut self, place: u64, samples: usize) {
        let table = FeatureTable::new(samples, self.dim, &self.device);
        self.open = Some((place, table));
    }

    /// Puts a batch into the open pass's table.
    ///
    /// # Shapes
    /// - `features`: `[samples.len(), dim]`
    ///
    /// # Errors
    /// As [`FeatureTable::put`].
    #[track_caller]
    pub fn put(&mut self, samples: &[i64], features: &Tensor<2>) -> Result<(), BlockError> {
        let _call = called();
        match &mut self.open {
            Some((_, table)) => table.put(samples, features),
            None => Ok(()),
        }
    }

    /// Closes the open pass, and gives back its place in training and its table.
    pub fn end(&mut self) -> Option<(u64, FeatureTable)> {
        self.open.take()
    }

    /// Remembers that what follows the pass at this place is done too.
    pub const fn finish(&mut self, place: u64) {
        self.finished = Some(place);
    }
}
