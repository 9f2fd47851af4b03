//! The other ranks of a run: collectives, with gradient where a loss needs it.
//!
//! Gradients of parameters are averaged over ranks by the host after the step. The collectives here therefore sum
//! in their backward pass: with a loss that is each rank's own mean, the average that the host makes is then the
//! gradient of the ranks' mean loss.

mod gradient;
pub(crate) mod testing;

use crate::bridge::{from_tch, from_tch_int, to_tch, to_tch_int};
use burn::tensor::{Int, Tensor};
use ssl_plugin_api::export::called;
use ssl_plugin_api::{Fault, Reduce, Services, SingleProcess};
use ssl_plugin_tensor::{export, import};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A handle on the collectives; cheap to clone.
///
/// Every rank has to call the same collectives in the same order. With one rank they give back what they got.
#[derive(Clone)]
pub struct Ranks {
    world_size: usize,
    rank: usize,
    services: Arc<dyn Services>,
}

impl fmt::Debug for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ranks({} of {})", self.rank, self.world_size)
    }
}

impl Ranks {
    /// The ranks behind the host's services.
    #[must_use]
    pub fn new(world_size: usize, rank: usize, services: Arc<dyn Services>) -> Self {
        Self {
            world_size,
            rank,
            services,
        }
    }

    /// A run of one rank.
    #[must_use]
    pub fn single() -> Self {
        Self::new(1, 0, Arc::new(SingleProcess))
    }

    /// Number of ranks.
    #[must_use]
    pub const fn world_size(&self) -> usize {
        self.world_size
    }

    /// This rank.
    #[must_use]
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// The host's services.
    #[must_use]
    pub fn services(&self) -> &dyn Services {
        self.services.as_ref()
    }

    /// The host's services, for an instance of its own.
    #[must_use]
    pub fn shared_services(&self) -> Arc<dyn Services> {
        Arc::clone(&self.services)
    }

    /// Sum of the ranks' tensors, with gradient if `tensor` has one: the backward pass sums the ranks' gradients.
    ///
    /// # Errors
    /// The host's fault when the collective fails.
    ///
    /// # Panics
    /// In the backward pass, when the collective fails there.
    #[track_caller]
    pub fn all_reduce_sum<const D: usize>(&self, tensor: Tensor<D>) -> Result<Tensor<D>, Fault> {
        let _call = called();
        if self.world_size == 1 {
            return Ok(tensor);
        }
        if tensor.is_autodiff() {
            return gradient::sum_over_ranks(self, tensor);
        }
        self.reduced(&to_tch(&tensor), Reduce::Sum).map(from_tch)
    }

    /// Largest of the ranks' values, place by place, without gradient.
    ///
    /// # Errors
    /// The host's fault when the collective fails.
    #[track_caller]
    pub fn all_reduce_max<const D: usize>(&self, tensor: Tensor<D>) -> Result<Tensor<D>, Fault> {
        let _call = called();
        if self.world_size == 1 {
            return Ok(tensor.without_autodiff());
        }
        self.reduced(&to_tch(&tensor), Reduce::Max).map(from_tch)
    }

    /// Rows of all ranks in rank order, with gradient if `rows` has one: the backward pass sums the ranks' gradients
    /// and takes this rank's part.
    ///
    /// # Shapes
    /// - `rows`: `[n, dim]`, the same on every rank
    /// - returns `[world_size · n, dim]`
    ///
    /// # Errors
    /// The host's fault when the collective fails.
    ///
    /// # Panics
    /// In the backward pass, when the collective fails there.
    #[track_caller]
    pub fn all_gather(&self, rows: Tensor<2>) -> Result<Tensor<2>, Fault> {
        let _call = called();
        if self.world_size == 1 {
            return Ok(rows);
        }
        if rows.is_autodiff() {
            return gradient::rows_of_ranks(self, rows);
        }
        self.gathered(&to_tch(&rows)).map(from_tch)
    }

    /// Whole numbers of all ranks in rank order.
    ///
    /// # Shapes
    /// - `values`: `[n]`, the same length on every rank
    /// - returns `[world_size · n]`
    ///
    /// # Errors
    /// The host's fault when the collective fails.
    #[track_caller]
    pub fn all_gather_int(&self, values: Tensor<1, Int>) -> Result<Tensor<1, Int>, Fault> {
        let _call = called();
        if self.world_size == 1 {
            return Ok(values);
        }
        self.gathered(&to_tch_int(&values)).map(from_tch_int)
    }

    /// Whole numbers of rank `root`; the others' have to be as many.
    ///
    /// # Errors
    /// The host's fault when the collective fails.
    #[track_caller]
    pub fn broadcast_int(
        &self,
        values: Tensor<1, Int>,
        root: usize,
    ) -> Result<Tensor<1, Int>, Fault> {
        let _call = called();
        if self.world_size == 1 {
            return Ok(values);
        }
        let copy = to_tch_int(&values).contiguous().copy();
        self.services.broadcast(export(&copy)?, root)?;
        Ok(from_tch_int(copy))
    }

    /// This rank's part of `count` rows that every rank has: the parts follow each other in rank order, and their
    /// lengths differ by one at most.
    #[must_use]
    pub const fn part_of(&self, count: usize) -> Range<usize> {
        count * self.rank / self.world_size..count * (self.rank + 1) / self.world_size
    }

    /// The tensor of rank `root`, without gradient; the others' have to be of the same shape.
    ///
    /// # Errors
    /// The host's fault when the collective fails.
    #[track_caller]
    pub fn broadcast<const D: usize>(
        &self,
        tensor: Tensor<D>,
        root: usize,
    ) -> Result<Tensor<D>, Fault> {
        let _call = called();
        if self.world_size == 1 {
            return Ok(tensor.without_autodiff());
        }
        let copy = to_tch(&tensor).contiguous().copy();
        self.services.broadcast(export(&copy)?, root)?;
        Ok(from_tch(copy))
    }

    /// Sum of the ranks' tensors, outside any graph.
    pub(crate) fn sum(&self, tensor: tch::Tensor) -> Result<tch::Tensor, Fault> {
        if self.world_size == 1 {
            return Ok(tensor);
        }
        self.reduced(&tensor, Reduce::Sum)
    }

    /// Sum of the ranks' gradients in a backward pass.
    ///
    /// # Panics
    /// When the collective fails: the graph has no way to return an error, and the boundary turns the panic into a
    /// fault.
    pub(crate) fn sum_of_gradients(&self, gradient: &tch::Tensor) -> tch::Tensor {
        self.reduced(gradient, Reduce::Sum)
            .unwrap_or_else(|fault| panic!("{fault} (gradient of a collective)"))
    }

    fn reduced(&self, tensor: &tch::Tensor, reduce: Reduce) -> Result<tch::Tensor, Fault> {
        let copy = tensor.contiguous().copy();
        self.services.all_reduce(export(&copy)?, reduce)?;
        Ok(copy)
    }

    fn gathered(&self, tensor: &tch::Tensor) -> Result<tch::Tensor, Fault> {
        let gathered = self.services.all_gather(export(&tensor.contiguous())?)?;
        Ok(import(gathered)?.copy())
    }
}
