//! The other ranks of a pretraining: what is decided together, averaged, or taken from the first.

use super::error::PretrainError;
use super::heads::Heads;
use crate::backbone::Backbone;
use crate::terminal::with_causes;
use ssl_distributed::{Call, DistributedError, Operation, Ranks, Reduction};
use std::sync::Arc;
use tch::{Kind, TchError, Tensor, no_grad};

/// Numbers in a bucket of gradients, 25 MiB in f32: a bucket travels while the next one is filled.
const BUCKET: usize = 25 << 18;

/// All ranks of a run, of which there may be one.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers(Option<Arc<Ranks>>);

impl Peers {
    /// Those of a job; one rank alone has none.
    pub(super) fn of(ranks: Option<&Arc<Ranks>>) -> Self {
        Self(ranks.filter(|ranks| ranks.world_size() > 1).cloned())
    }

    pub(super) fn ranks(&self) -> Option<&Ranks> {
        self.0.as_deref()
    }

    pub(super) fn rank(&self) -> usize {
        self.ranks().map_or(0, |ranks| ranks.rank())
    }

    pub(super) fn world_size(&self) -> usize {
        self.ranks().map_or(1, |ranks| ranks.world_size())
    }

    /// Whether this rank writes files and shows progress.
    pub(super) fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// This rank's part of a batch.
    pub(super) fn part_of_batch(&self, batch: usize) -> Result<usize, PretrainError> {
        let world_size = self.world_size();
        if batch.is_multiple_of(world_size) {
            return Ok(batch / world_size);
        }
        Err(PretrainError::Indivisible { batch, world_size })
    }

    /// Whether any rank says so.
    pub(super) fn any<const N: usize>(&self, own: [bool; N]) -> Result<[bool; N], PretrainError> {
        let Some(ranks) = self.ranks() else {
            return Ok(own);
        };
        ranks.agree(&Call::of_host(Operation::Agreement, &[N as i64]))?;
        let flags = Tensor::from_slice(&own.map(i64::from));
        ranks.all_reduce(&flags, Reduction::Max)?;
        Ok(std::array::from_fn(|n| flags.int64_value(&[n as i64]) != 0))
    }

    /// Refuses numbers that are not the same on every rank.
    pub(super) fn expect_same(&self, numbers: &[i64]) -> Result<(), PretrainError> {
        match self.ranks() {
            Some(ranks) => Ok(ranks.agree(&Call::of_host(Operation::Agreement, numbers))?),
            None => Ok(()),
        }
    }

    /// Means over ranks: of the gradients, and of the loss and the framework's metrics.
    pub(super) fn average(
        &self,
        gradients: &mut [Option<Tensor>],
        numbers: &mut [f64],
    ) -> Result<(), PretrainError> {
        let Some(ranks) = self.ranks() else {
            return Ok(());
        };
        // A gradient that is missing on one rank alone would shift all others.
        let sizes = gradients
            .iter()
            .map(|it| it.as_ref().map_or(0, Tensor::numel) as i64);
        let mixed = sizes.fold(0, |hash: i64, size| {
            hash.wrapping_mul(31).wrapping_add(size)
        });
        let call = [gradients.len() as i64, mixed, numbers.len() as i64];
        ranks.agree(&Call::of_host(Operation::Gradients, &call))?;

        let share = ranks.world_size() as f64;
        let torch = PretrainError::torch("averaging gradients");
        let (mut buckets, mut pending) = (Vec::new(), Vec::new());
        for places in bucketed(gradients) {
            let bucket =
                flat(gradients, &places).map_err(PretrainError::torch("averaging gradients"))?;
            pending.push(ranks.start_all_reduce(&bucket, Reduction::Sum)?);
            buckets.push((places, bucket));
        }
        let sums = Tensor::from_slice(numbers);
        ranks.all_reduce(&sums, Reduction::Sum)?;
        for (n, number) in numbers.iter_mut().enumerate() {
            *number = sums.double_value(&[n as i64]) / share;
        }
        for started in pending {
            started.wait()?;
        }
        let apart = |gradients: &mut [Option<Tensor>]| -> Result<(), TchError> {
            for (places, bucket) in buckets {
                let (mean, mut start) = (bucket.f_div_scalar(share)?, 0);
                for n in places {
                    let Some(gradient) = &mut gradients[n] else {
                        continue;
                    };
                    let count = gradient.numel() as i64;
                    *gradient = mean.f_narrow(0, start, count)?.f_reshape(gradient.size())?;
                    start += count;
                }
            }
            Ok(())
        };
        apart(gradients).map_err(torch)
    }

    /// Gives every rank the first one's tensors, in place.
    pub(super) fn take_from_first<'t>(
        &self,
        tensors: impl IntoIterator<Item = &'t Tensor>,
    ) -> Result<(), PretrainError> {
        let Some(ranks) = self.ranks() else {
            return Ok(());
        };
        no_grad(|| {
            for tensor in tensors {
                ranks.broadcast(tensor, 0)?;
            }
            Ok(())
        })
    }

    /// Gives every rank the first one's running statistics, which differ where batch norm was not synchronised.
    pub(super) fn same_statistics(&self, backbone: &Backbone) -> Result<(), PretrainError> {
        self.take_from_first(backbone.buffers().iter().map(|it| &it.tensor))
    }

    /// Gives every rank the first one's trained parameters.
    pub(super) fn same_parameters(
        &self,
        backbone: &Backbone,
        heads: &Heads,
    ) -> Result<(), PretrainError> {
        self.take_from_first(backbone.tensors().map(|it| &it.tensor))?;
        self.take_from_first(heads.iter().map(|(_, tensor)| tensor))
    }

    /// Tells the others why this rank stops, or finds out which one has stopped it.
    pub(super) fn explain(&self, error: PretrainError) -> PretrainError {
        let Some(ranks) = self.ranks() else {
            return error;
        };
        match (ranks.blame(), error) {
            (Some(failure), _) => PretrainError::Ranks(failure),
            (None, PretrainError::Ranks(failure)) => PretrainError::Ranks(failure),
            (None, error) => {
                ranks.tell(&with_causes(&error));
                error
            }
        }
    }
}

impl From<DistributedError> for PretrainError {
    fn from(error: DistributedError) -> Self {
        Self::Ranks(error)
    }
}

/// The places of the gradients that travel together.
fn bucketed(gradients: &[Option<Tensor>]) -> Vec<Vec<usize>> {
    let mut buckets: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (n, gradient) in gradients.iter().enumerate() {
        let Some(gradient) = gradient else { continue };
        let count = gradient.numel();
        match buckets.last_mut() {
            Some(bucket) if count <= room => {
                bucket.push(n);
                room -= count;
            }
            _ => {
                buckets.push(vec![n]);
                room = BUCKET.saturating_sub(count);
            }
        }
    }
    buckets
}

/// The gradients in these places, one after another.
fn flat(gradients: &[Option<Tensor>], places: &[usize]) -> Result<Tensor, TchError> {
    let parts: Result<Vec<Tensor>, TchError> = places
        .iter()
        .filter_map(|&n| gradients[n].as_ref())
        .map(|gradient| {
            gradient
                .f_detach()?
                .f_to_kind(Kind::Float)?
                .f_flatten(0, -1)
        })
        .collect();
    Tensor::f_cat(&parts?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn gradients_travel_in_buckets_in_their_order() {
        let zeros = |count: usize| Some(Tensor::zeros([count as i64], (Kind::Float, Device::Cpu)));
        let gradients = [
            zeros(10),
            None,
            zeros(BUCKET - 10),
            zeros(1),
            zeros(2 * BUCKET),
            zeros(1),
        ];
        let expected = [vec![0, 2], vec![3], vec![4], vec![5]];
        assert_eq!(bucketed(&gradients), expected);
    }
}
