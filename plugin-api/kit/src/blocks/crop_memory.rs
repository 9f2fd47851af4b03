//! The memory of an epoch's crops, and the pass that fills it before the first epoch.

use super::error::BlockError;
use super::queues::{fitting, layer};
use super::unit_projector::UnitProjector;
use crate::Device;
use crate::bridge::{from_tch, from_tch_int, tch_device, to_tch, to_tch_int};
use crate::framework::{Features, Start};
use crate::module;
use crate::module::{Buffer, IntBuffer, NamedTensors, Numbers, find_tensor};
use crate::ranks::Ranks;
use burn::tensor::{Int, Tensor};
use ssl_plugin_api::export::called;
use ssl_plugin_api::{Fault, TrainStep};

/// Index of a row that nobody has written.
const UNWRITTEN: i64 = -1;
const AT: &str = "memory bank";

module! {
    /// Embeddings of the crops that labels are made from, one bank for each, and the samples they are of; head `h`
    /// of a framework reads bank `h mod banks`.
    ///
    /// Row `j` belongs to the `j`-th place of the epoch, not to sample `j`: batch `b` of an epoch writes rows
    /// `bB … bB+B−1`. During an epoch the head is from this epoch, the tail from the last. `B` is the batch of all ranks, in
    /// rank order: the memory is the same on every rank and on any number of them.
    ///
    /// # Source
    /// DeepCluster-v2, `swav:main_deepclusterv2.py` (`init_memory`, `train`); SeLa-v2 alike.
    pub struct CropMemory {
        /// The sample of each row, int64 `[rows]`; −1 for a row that nobody has written.
        pub index as "memory_index": IntBuffer<1>,
        /// `[banks, rows, dim]`.
        pub embeddings as "memory_embeddings": Buffer<3>,
        ..
        crops: Vec<usize>,
        /// Rows of all ranks' batches.
        batch: usize,
        /// Where the open pass writes next.
        place: usize,
        passed: bool,
        ranks: Ranks,
    }
}

impl CropMemory {
    /// Banks for these crops, as long as an epoch of all ranks, nothing written.
    #[must_use]
    pub fn new(crops: &[usize], dim: usize, start: &Start) -> Self {
        let batch = start.context.global_batch();
        let rows = start.context.steps_per_epoch as usize * batch;
        let options = (tch::Kind::Int64, tch_device(&start.device));
        let index = tch::Tensor::full([rows as i64], UNWRITTEN, options);
        Self {
            index: IntBuffer::new(from_tch_int(index))
                .of(Numbers::within(UNWRITTEN..start.context.samples as i64)),
            embeddings: Buffer::new(Tensor::zeros([crops.len(), rows, dim], &start.device)),
            crops: crops.to_vec(),
            batch,
            place: 0,
            passed: false,
            ranks: start.ranks.clone(),
        }
    }

    /// Keeps the embeddings of a step at its batch's place in the epoch, without gradient.
    ///
    /// # Shapes
    /// - `z`: `[crops · batch, dim]`, all crops stacked one after another
    ///
    /// # Errors
    /// [`BlockError`] when they do not fit.
    #[track_caller]
    pub fn keep(
        &mut self,
        at: &TrainStep,
        samples: &[i64],
        z: Tensor<2>,
    ) -> Result<(), BlockError> {
        let _call = called();
        let (z, batch) = (z.without_autodiff(), samples.len());
        let of_crops: Vec<_> = self
            .crops
            .iter()
            .map(|&crop| z.clone().narrow(0, crop * batch, batch))
            .collect();
        self.write(
            self.batch * at.batch_in_epoch() as usize,
            samples,
            &of_crops,
        )
    }

    /// Whether the first pass is wanted: at the start of an epoch, while nothing has been written.
    #[must_use]
    pub fn is_due(&self, at: &TrainStep) -> bool {
        !self.passed && at.batch_in_epoch() == 0 && self.is_blank()
    }

    /// Starts the first pass.
    pub const fn begin_pass(&mut self) {
        self.place = 0;
    }

    /// Takes a batch of the first pass: projections in training mode, each crop its own batch, in the order they come.
    ///
    /// # Errors
    /// More batches than an epoch has, features of another shape.
    #[track_caller]
    pub fn absorb(
        &mut self,
        features: &Features,
        projector: &mut UnitProjector,
    ) -> Result<(), Fault> {
        let _call = called();
        let of_crops = self
            .crops
            .iter()
            .map(|&crop| Ok(projector.forward(vec![features.online(crop)?])?))
            .collect::<Result<Vec<_>, Fault>>()?;
        self.write(self.place, features.indices(), &of_crops)?;
        self.place += features.batch() * self.ranks.world_size();
        Ok(())
    }

    /// Ends the first pass.
    pub const fn end_pass(&mut self) {
        self.passed = true;
    }

    /// Samples and embeddings that a head's labels are made from: the rows that have been written.
    ///
    /// # Shapes
    /// - returns int64 `[written]` and `[written, dim]`
    ///
    /// # Errors
    /// A fault that names the epoch when nothing has been written.
    #[track_caller]
    pub fn of_head(
        &self,
        head: usize,
        at: &TrainStep,
    ) -> Result<(Tensor<1, Int>, Tensor<2>), Fault> {
        let _call = called();
        if self.is_blank() {
            return Err(Fault::state(format!(
                "expected a pass over the training set before epoch {}, found an empty memory bank",
                at.epoch
            )));
        }
        let index = to_tch_int(&self.index.val());
        let written = index.ge(0).nonzero().flatten(0, -1);
        let bank = to_tch(&self.embeddings.val()).select(0, (head % self.crops.len()) as i64);
        Ok((
            from_tch_int(index.index_select(0, &written)),
            from_tch(bank.index_select(0, &written)),
        ))
    }

    /// The same of a given bank, for certification: `index` `[rows]` and `features` `[banks, rows, dim]`.
    ///
    /// # Errors
    /// [`Fault::shape`] when one is missing or has other dimensions.
    #[track_caller]
    pub fn of_given(
        &self,
        head: usize,
        bank: &NamedTensors,
        device: &Device,
    ) -> Result<(Tensor<1, Int>, Tensor<2>), Fault> {
        let _call = called();
        let (features, banks) = (find_tensor(bank, "features", 3)?, self.crops.len());
        if features.size()[0] != banks as i64 {
            return Err(Fault::shape(format!(
                "features: expected [{banks}, rows, dim], found {:?}",
                features.size()
            )));
        }
        let rows: Tensor<2> = from_tch(features.select(0, (head % banks) as i64).copy());
        let samples = from_tch_int(find_tensor(bank, "index", 1)?);
        Ok((samples, rows.to_device(device)))
    }

    /// Whether nothing has been written yet.
    fn is_blank(&self) -> bool {
        let index = to_tch_int(&self.index.val());
        index.numel() == 0 || index.max().int64_value(&[]) < 0
    }

    /// Writes one batch of all ranks from row `start` on: its samples, and its embeddings crop by crop.
    fn write(
        &mut self,
        start: usize,
        samples: &[i64],
        of_crops: &[Tensor<2>],
    ) -> Result<(), BlockError> {
        let start = start as i64;
        for (bank, z) in of_crops.iter().enumerate() {
            let width = z.dims()[1];
            super::check_same(z.dims(), [samples.len(), width], "embeddings", AT)?;
            let z = &self.ranks.all_gather(z.clone())?;
            let rows = layer(&mut self.embeddings, bank, AT)?;
            let places = rows.size()[0];
            let left = rows.narrow(0, start.min(places), (places - start).max(0));
            let (batch, _) = fitting(&left, z, AT)?;
            left.narrow(0, 0, batch).copy_(&to_tch(z));
        }
        if let Some(index) = self.index.writable() {
            let samples = from_tch_int(tch::Tensor::from_slice(samples));
            let samples = to_tch_int(&self.ranks.all_gather_int(samples)?);
            let places = samples.size()[0];
            index.narrow(0, start, places).copy_(&samples);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{cpu, matrix, names, values};
    use crate::testing::context;

    /// Two epochs' batches of two rows, embeddings of width 2.
    fn memory(crops: &[usize]) -> CropMemory {
        let mut context = context(3, 2);
        context.steps_per_epoch = 2;
        let (device, ranks) = (cpu(), Ranks::single());
        CropMemory::new(
            crops,
            2,
            &Start {
                context,
                device,
                ranks,
            },
        )
    }

    fn at(step: u64) -> TrainStep {
        TrainStep {
            epoch: 0,
            epochs: 1,
            step,
            steps_per_epoch: 2,
            seed: 0,
        }
    }

    fn read(memory: &CropMemory, head: usize) -> (Vec<i64>, Vec<f32>) {
        let (samples, rows) = memory.of_head(head, &at(0)).unwrap();
        (samples.try_into_vec_as::<i64>().unwrap(), values(rows))
    }

    #[test]
    fn rows_are_places_of_the_epoch() {
        let mut memory = memory(&[0, 1]);
        assert!(memory.is_due(&at(0)) && !memory.is_due(&at(1)));
        assert!(memory.of_head(0, &at(0)).is_err());
        let z = matrix([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]);
        memory.keep(&at(1), &[9, 0], z).unwrap();
        assert!(!memory.is_due(&at(0)));
        assert_eq!(read(&memory, 1), (vec![9, 0], vec![5.0, 6.0, 7.0, 8.0]));
        // Head 2 of two banks reads the first.
        assert_eq!(read(&memory, 2), (vec![9, 0], vec![1.0, 2.0, 3.0, 4.0]));
        let z = matrix([[0.5, 0.5], [0.25, 0.0]]);
        memory.keep(&at(0), &[3], z).unwrap();
        let rows = vec![0.5, 0.5, 1.0, 2.0, 3.0, 4.0];
        assert_eq!(read(&memory, 0), (vec![3, 9, 0], rows));
        assert_eq!(names(&mut memory), ["memory_index", "memory_embeddings"]);
    }

    #[test]
    fn only_the_crops_that_labels_are_made_from_are_kept() {
        let mut memory = memory(&[1]);
        memory
            .keep(&at(0), &[5], matrix([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
            .unwrap();
        assert_eq!(read(&memory, 0), (vec![5], vec![3.0, 4.0]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut memory = memory(&[0]);
        let z = || matrix([[1.0, 2.0], [3.0, 4.0]]);
        assert!(memory.write(3, &[0, 1], &[z()]).is_err());
        assert!(memory.write(9, &[0, 1], &[z()]).is_err());
        assert!(memory.write(0, &[0], &[z()]).is_err());
        assert!(memory.write(0, &[0, 1], &[z(), z()]).is_err());
        assert!(memory.write(0, &[0], &[matrix([[1.0, 2.0, 3.0]])]).is_err());
        assert!(memory.is_blank());
    }
}
