//! The features of the whole training set, gathered in a pass.

use ssl_plugin_kit::bridge::{from_tch, tch_device, to_tch};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Device, Fault, Tensor};

/// Unit features at their samples' positions; rows that nobody brought are zero.
pub(crate) struct Bank {
    rows: tch::Tensor,
}

impl Bank {
    /// An empty bank for this many samples.
    pub(crate) fn new(samples: usize, dim: usize, device: &Device) -> Self {
        let options = (tch::Kind::Float, tch_device(device));
        let rows = tch::Tensor::zeros([samples as i64, dim as i64], options);
        Self { rows }
    }

    /// Puts features at their samples' positions.
    ///
    /// # Errors
    /// A position outside the training set, features of another width.
    pub(crate) fn put(&mut self, indices: &[i64], features: &Tensor<2>) -> Result<(), Fault> {
        let (samples, dim) = (self.rows.size()[0], self.rows.size()[1]);
        if let Some(index) = indices.iter().find(|i| !(0..samples).contains(*i)) {
            return Err(Fault::shape(format!(
                "expected positions below {samples}, found {index} (clustering pass)"
            )));
        }
        let found = features.dims();
        if found != [indices.len(), dim as usize] {
            return Err(Fault::shape(format!(
                "expected features of shape [{}, {dim}], found {found:?} (clustering pass)",
                indices.len()
            )));
        }
        let places = tch::Tensor::from_slice(indices).to_device(self.rows.device());
        let _ = self.rows.index_copy_(0, &places, &to_tch(features));
        Ok(())
    }

    /// The rows of all ranks, and the positions of those that are there, int64.
    ///
    /// Every sample is in one rank's pass only, so the sum over ranks is the bank.
    ///
    /// # Errors
    /// A collective that failed.
    pub(crate) fn gathered(self, ranks: &Ranks) -> Result<(Tensor<2>, tch::Tensor), Fault> {
        let rows = ranks.all_reduce_sum::<2>(from_tch(self.rows))?;
        let here = to_tch(&rows).abs().amax([1_i64].as_slice(), false).gt(0.0);
        Ok((rows, here.nonzero().flatten(0, -1)))
    }
}
