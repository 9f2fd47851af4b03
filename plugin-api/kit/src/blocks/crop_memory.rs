//! The memory of an epoch's crops, and the pass that fills it before the first epoch.

use super::epoch_bank::EpochBank;
use super::error::BlockError;
use super::unit_projector::UnitProjector;
use crate::Device;
use crate::bridge::{from_tch, from_tch_int};
use crate::framework::{Bank, Start, Views, find_in_bank};
use crate::module::{Module, Path, Visitor};
use burn::tensor::{Int, Tensor};
use ssl_plugin_api::{Fault, TrainStep};

/// Embeddings of the crops that labels are made from, one bank for each; head `h` of a framework reads bank
/// `h mod banks`.
///
/// Names: those of [`EpochBank`].
///
/// # Source
/// DeepCluster-v2, `swav:main_deepclusterv2.py`; SeLa-v2 alike.
pub struct CropMemory {
    bank: EpochBank,
    crops: Vec<usize>,
    /// Rows of this rank's batches.
    batch: usize,
    /// Where the open pass writes next.
    place: usize,
    passed: bool,
}

impl CropMemory {
    /// Banks for these crops, as long as an epoch of this rank, nothing written.
    #[must_use]
    pub fn new(crops: &[usize], dim: usize, start: &Start) -> Self {
        let batch = start.context.batch_size;
        let rows = start.context.steps_per_epoch as usize * batch;
        Self {
            bank: EpochBank::new([crops.len(), rows, dim], &start.device),
            crops: crops.to_vec(),
            batch,
            place: 0,
            passed: false,
        }
    }

    /// Keeps the embeddings of a step at its batch's place in the epoch, without gradient.
    ///
    /// # Shapes
    /// - `z`: `[crops · batch, dim]`, all crops stacked one after another
    ///
    /// # Errors
    /// [`BlockError`] when they do not fit.
    pub fn keep(
        &mut self,
        at: &TrainStep,
        samples: &[i64],
        z: Tensor<2>,
    ) -> Result<(), BlockError> {
        let (z, batch) = (z.without_autodiff(), samples.len());
        let of_crops: Vec<_> = self
            .crops
            .iter()
            .map(|&crop| z.clone().narrow(0, crop * batch, batch))
            .collect();
        let row = self.batch * at.batch_in_epoch() as usize;
        self.bank.write(row, samples, &of_crops)
    }

    /// Whether the first pass is wanted: at the start of an epoch, while nothing has been written.
    pub fn is_due(&mut self, at: &TrainStep) -> bool {
        !self.passed && at.batch_in_epoch() == 0 && self.bank.is_blank()
    }

    /// Starts the first pass.
    pub const fn begin_pass(&mut self) {
        self.place = 0;
    }

    /// Takes a batch of the first pass: projections in training mode, each crop its own batch, in the order they come.
    ///
    /// # Errors
    /// More batches than an epoch has, features of another shape.
    pub fn absorb(&mut self, views: &Views, projector: &mut UnitProjector) -> Result<(), Fault> {
        let of_crops = self
            .crops
            .iter()
            .map(|&crop| Ok(projector.forward(vec![views.online(crop)?])?))
            .collect::<Result<Vec<_>, Fault>>()?;
        self.bank.write(self.place, views.indices(), &of_crops)?;
        self.place += views.batch();
        Ok(())
    }

    /// Ends the first pass.
    pub const fn end_pass(&mut self) {
        self.passed = true;
    }

    /// Samples and embeddings that a head's labels are made from.
    ///
    /// # Errors
    /// A fault that names the epoch when nothing has been written.
    pub fn of_head(
        &mut self,
        head: usize,
        at: &TrainStep,
    ) -> Result<(Tensor<1, Int>, Tensor<2>), Fault> {
        if self.bank.is_blank() {
            return Err(Fault::state(format!(
                "expected a pass over the training set before epoch {}, found an empty memory bank",
                at.epoch
            )));
        }
        Ok(self.bank.read(head % self.crops.len())?)
    }

    /// The same of a given bank, for certification: `index` `[rows]` and `features` `[banks, rows, dim]`.
    ///
    /// # Errors
    /// [`Fault::shape`] when one is missing or has other dimensions.
    pub fn of_given(
        &self,
        head: usize,
        bank: &Bank,
        device: &Device,
    ) -> Result<(Tensor<1, Int>, Tensor<2>), Fault> {
        let (features, banks) = (find_in_bank(bank, "features", 3)?, self.crops.len());
        if features.size()[0] != banks as i64 {
            return Err(Fault::shape(format!(
                "features: expected [{banks}, rows, dim], found {:?}",
                features.size()
            )));
        }
        let rows: Tensor<2> = from_tch(features.select(0, (head % banks) as i64).copy());
        let samples = from_tch_int(find_in_bank(bank, "index", 1)?);
        Ok((samples, rows.to_device(device)))
    }
}

impl Module for CropMemory {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        self.bank.visit(path, visitor);
    }
}
