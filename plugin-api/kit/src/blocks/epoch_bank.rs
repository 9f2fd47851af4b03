//! Memory banks filled in the order of the epoch.

use super::error::BlockError;
use super::memory::write_rows;
use crate::bridge::{from_tch, from_tch_int, tch_device, to_tch};
use crate::module::{Buffer, IntBuffer, Module, Path, Visitor};
use burn::tensor::{Device, Int, Tensor};
use tch::Kind;

/// Index of a row that nobody has written.
const UNWRITTEN: i64 = -1;

/// Embeddings of an epoch's batches, one bank for each crop that labels are made from, and the samples they are of.
///
/// Row `j` belongs to the `j`-th place of the epoch, not to sample `j`: batch `b` of an epoch writes rows
/// `bB … bB+B−1`. During an epoch the head is from this epoch, the tail from the last.
///
/// Names, at the level of whoever holds the bank: `memory_index` int64 `[rows]`, `memory_embeddings`
/// `[banks, rows, dim]`. A row that nobody has written has index −1.
///
/// # Source
/// DeepCluster-v2, `swav:main_deepclusterv2.py` (`init_memory`, `train`); SeLa-v2 alike.
#[derive(Debug)]
pub struct EpochBank {
    index: IntBuffer<1>,
    embeddings: Buffer<3>,
}

impl EpochBank {
    /// Banks of this shape, nothing written.
    #[must_use]
    pub fn new([banks, rows, dim]: [usize; 3], device: &Device) -> Self {
        let index = tch::Tensor::full([rows as i64], UNWRITTEN, (Kind::Int64, tch_device(device)));
        Self {
            index: IntBuffer::new(from_tch_int(index)),
            embeddings: Buffer::new(Tensor::zeros([banks, rows, dim], device)),
        }
    }

    /// Whether nothing has been written yet.
    pub fn is_blank(&mut self) -> bool {
        self.index
            .writable()
            .is_none_or(|index| index.numel() == 0 || index.max().int64_value(&[]) < 0)
    }

    /// Writes one batch from row `start` on: its samples, and its embeddings bank by bank, without gradient.
    ///
    /// # Shapes
    /// - `embeddings`: one `[B, dim]` for each bank
    ///
    /// # Errors
    /// [`BlockError::Shape`] for rows of another width, another number of them, or beyond the end;
    /// [`BlockError::Setting`] for more embeddings than banks.
    pub fn write(
        &mut self,
        start: usize,
        samples: &[i64],
        embeddings: &[Tensor<2>],
    ) -> Result<(), BlockError> {
        for (bank, z) in embeddings.iter().enumerate() {
            let width = z.dims()[1];
            super::check_same(
                z.dims(),
                [samples.len(), width],
                "embeddings",
                "memory bank",
            )?;
            write_rows(&mut self.embeddings, bank, start, z)?;
        }
        if let Some(index) = self.index.writable() {
            let samples = tch::Tensor::from_slice(samples);
            index
                .narrow(0, start as i64, samples.size()[0])
                .copy_(&samples);
        }
        Ok(())
    }

    /// Samples and embeddings of the rows of a bank that have been written.
    ///
    /// # Shapes
    /// - returns int64 `[written]` and `[written, dim]`
    ///
    /// # Errors
    /// [`BlockError::Setting`] when there is no such bank.
    pub fn read(&self, bank: usize) -> Result<(Tensor<1, Int>, Tensor<2>), BlockError> {
        let embeddings = to_tch(&self.embeddings.val());
        let banks = embeddings.size()[0];
        if bank as i64 >= banks {
            return Err(BlockError::Setting {
                what: "index",
                expected: format!("below {banks}"),
                found: bank.to_string(),
                at: "memory bank",
            });
        }
        let index = crate::bridge::to_tch_int(&self.index.val());
        let written = index.ge(0).nonzero().flatten(0, -1);
        let rows = embeddings.select(0, bank as i64).index_select(0, &written);
        Ok((
            from_tch_int(index.index_select(0, &written)),
            from_tch(rows),
        ))
    }
}

impl Module for EpochBank {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        visitor.slot(&path.name("memory_index"), &mut self.index);
        visitor.slot(&path.name("memory_embeddings"), &mut self.embeddings);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{cpu, matrix, names, values};

    #[test]
    fn rows_are_places_of_the_epoch() {
        let mut bank = EpochBank::new([2, 4, 2], &cpu());
        assert!(bank.is_blank());
        let (a, b) = (
            matrix([[1.0, 2.0], [3.0, 4.0]]),
            matrix([[5.0, 6.0], [7.0, 8.0]]),
        );
        bank.write(2, &[9, 0], &[a, b]).unwrap();
        assert!(!bank.is_blank());
        let (samples, rows) = bank.read(1).unwrap();
        assert_eq!(samples.try_into_vec_as::<i64>().unwrap(), [9, 0]);
        assert_eq!(values(rows), [5.0, 6.0, 7.0, 8.0]);
        bank.write(0, &[3], &[matrix([[0.5, 0.5]]), matrix([[0.25, 0.0]])])
            .unwrap();
        let (samples, rows) = bank.read(0).unwrap();
        assert_eq!(samples.try_into_vec_as::<i64>().unwrap(), [3, 9, 0]);
        assert_eq!(values(rows), [0.5, 0.5, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(names(&mut bank), ["memory_index", "memory_embeddings"]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut bank = EpochBank::new([1, 4, 2], &cpu());
        let z = || matrix([[1.0, 2.0], [3.0, 4.0]]);
        assert!(bank.write(3, &[0, 1], &[z()]).is_err());
        assert!(bank.write(0, &[0], &[z()]).is_err());
        assert!(bank.write(0, &[0, 1], &[z(), z()]).is_err());
        assert!(bank.read(1).is_err());
    }
}
