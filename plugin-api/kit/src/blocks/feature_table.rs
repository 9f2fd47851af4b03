//! Features of the whole training set, gathered by a pass over it.
//!
//! A row that is all zeros is a row like any other: what came is counted, not guessed from the values.

use super::error::{BlockError, check_same};
use crate::bridge::{from_tch, from_tch_int, tch_device, to_tch};
use crate::ranks::Ranks;
use burn::tensor::{Device, Int, Tensor};
use ssl_plugin_api::export::called;
use tch::Kind;

/// Features by sample: what the batches of a pass bring, each at its sample's place. A sample that comes several
/// times, on one rank or on several, has the mean of its features.
///
/// ```
/// use ssl_plugin_kit::blocks::FeatureTable;
/// use ssl_plugin_kit::{bridge::device, ranks::Ranks, testing::{matrix, values}};
///
/// let mut table = FeatureTable::new(4, 1, &device("cpu").unwrap());
/// table.put(&[2, 0], &matrix([[1.0], [0.0]])).unwrap();
/// table.put(&[2], &matrix([[3.0]])).unwrap();
/// let (samples, rows) = table.collect(&Ranks::single()).unwrap();
/// assert_eq!(samples.try_into_vec_as::<i64>().unwrap(), [0, 2]);
/// assert_eq!(values(rows), [0.0, 2.0]);
/// ```
#[derive(Debug)]
pub struct FeatureTable {
    /// Sum of the features that came, sample by sample.
    rows: tch::Tensor,
    /// How often each sample came.
    times: tch::Tensor,
}

impl FeatureTable {
    /// A table for `samples` samples, with nothing in it.
    #[must_use]
    pub fn new(samples: usize, dim: usize, device: &Device) -> Self {
        let options = (Kind::Float, tch_device(device));
        Self {
            rows: tch::Tensor::zeros([samples as i64, dim as i64], options),
            times: tch::Tensor::zeros([samples as i64], options),
        }
    }

    /// Number of samples that it has places for.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.rows.size()[0] as usize
    }

    /// Puts a batch at its samples' places.
    ///
    /// # Shapes
    /// - `features`: `[samples.len(), dim]`
    ///
    /// # Errors
    /// [`BlockError::Shape`] for features of another shape, [`BlockError::Setting`] for a sample outside the table.
    #[track_caller]
    pub fn put(&mut self, samples: &[i64], features: &Tensor<2>) -> Result<(), BlockError> {
        const AT: &str = "feature table";
        let _call = called();
        let (size, width) = (self.rows.size()[0], self.rows.size()[1] as usize);
        check_same(features.dims(), [samples.len(), width], "features", AT)?;
        if let Some(found) = samples.iter().find(|&&s| !(0..size).contains(&s)) {
            return Err(BlockError::Setting {
                what: "sample",
                expected: format!("in 0 … {}", size - 1),
                found: found.to_string(),
                at: AT,
            });
        }
        let at = tch::Tensor::from_slice(samples).to_device(self.rows.device());
        let _ = self.rows.index_add_(0, &at, &to_tch(features));
        let _ = self
            .times
            .index_add_(0, &at, &at.ones_like().to_kind(Kind::Float));
        Ok(())
    }

    /// The samples that came, on any rank, and their features, the same on every rank.
    ///
    /// # Shapes
    /// - returns int64 `[n]`, ascending, and `[n, dim]`
    ///
    /// # Errors
    /// [`BlockError::Collective`].
    #[track_caller]
    pub fn collect(self, ranks: &Ranks) -> Result<(Tensor<1, Int>, Tensor<2>), BlockError> {
        let _call = called();
        let mut rows = self.rows;
        let mut times = self.times;
        if ranks.world_size() > 1 {
            rows = to_tch(&ranks.all_reduce_sum::<2>(from_tch(rows))?);
            times = to_tch(&ranks.all_reduce_sum::<1>(from_tch(times))?);
        }
        rows /= times.clamp_min(1.0).unsqueeze(1);
        let came = times.gt(0.0).nonzero().flatten(0, -1);
        if came.size()[0] < rows.size()[0] {
            rows = rows.index_select(0, &came);
        }
        Ok((from_tch_int(came), from_tch(rows)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{cpu, matrix, values};
    use crate::ranks::testing::on_ranks;

    #[test]
    fn rows_stand_in_the_order_of_the_samples() {
        let mut table = FeatureTable::new(4, 2, &cpu());
        table
            .put(&[3, 0], &matrix([[1.0, 2.0], [3.0, 4.0]]))
            .unwrap();
        table.put(&[2], &matrix([[5.0, 6.0]])).unwrap();
        assert!(table.put(&[4], &matrix([[5.0, 6.0]])).is_err());
        assert!(table.put(&[1], &matrix([[5.0, 6.0, 7.0]])).is_err());
        let (samples, rows) = table.collect(&Ranks::single()).unwrap();
        assert_eq!(samples.try_into_vec_as::<i64>().unwrap(), [0, 2, 3]);
        assert_eq!(values(rows), [3.0, 4.0, 5.0, 6.0, 1.0, 2.0]);
    }

    #[test]
    fn zeros_are_rows_and_rows_seen_twice_are_averaged() {
        let mut table = FeatureTable::new(4, 2, &cpu());
        table
            .put(&[3, 1, 3], &matrix([[1.0, 2.0], [0.0, 0.0], [4.0, 0.0]]))
            .unwrap();
        table.put(&[3], &matrix([[1.0, 7.0]])).unwrap();
        let (samples, rows) = table.collect(&Ranks::single()).unwrap();
        assert_eq!(samples.try_into_vec_as::<i64>().unwrap(), [1, 3]);
        assert_eq!(values(rows), [0.0, 0.0, 2.0, 3.0]);
    }

    #[test]
    fn ranks_complete_each_other() {
        let found = on_ranks(2, |ranks| {
            let mut table = FeatureTable::new(3, 1, &cpu());
            let own = [[[1.0], [4.0]], [[2.0], [6.0]]][ranks.rank()];
            let samples = [[0, 2], [1, 2]][ranks.rank()];
            table.put(&samples, &matrix(own)).unwrap();
            let (samples, rows) = table.collect(&ranks).unwrap();
            (samples.try_into_vec_as::<i64>().unwrap(), values(rows))
        });
        let expected = (vec![0, 1, 2], vec![1.0, 2.0, 5.0]);
        assert_eq!(found, [expected.clone(), expected]);
    }
}
