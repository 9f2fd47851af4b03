//! Collectives over all ranks.

#![expect(unsafe_code, reason = "owns a group of cpp/ and hands it tensors")]

use crate::ffi::{self, RawGroup, RawPending, answer, raw, text};
use crate::store::millis;
use crate::{DistributedError, Launch, Store};
use std::fmt;
use std::ptr::{NonNull, null_mut};
use std::sync::OnceLock;
use std::time::Duration;
use tch::Tensor;

/// How the ranks' values are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum.
    Sum = 0,
    /// The largest.
    Max = 1,
    /// The smallest.
    Min = 2,
}

/// All ranks, connected. Every rank has to call the same collectives in the same order, with tensors of the same
/// shape and type; tensors on a GPU go through NCCL, others through Gloo.
pub struct Group {
    raw: NonNull<RawGroup>,
    rank: usize,
    world_size: usize,
    /// The first one.
    failure: OnceLock<DistributedError>,
}

// SAFETY: c10d's process groups lock themselves; any thread may use them.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group(rank {} of {})", self.rank, self.world_size)
    }
}

impl Group {
    /// Meets the other ranks under a name that nobody else uses in this store. A collective that takes longer than
    /// `limit` fails.
    ///
    /// # Errors
    /// [`DistributedError::Failed`] when they do not come within `limit`, or GPUs are asked for in a build without NCCL.
    pub fn join(
        store: &Store,
        name: &str,
        launch: &Launch,
        cuda: bool,
        limit: Duration,
    ) -> Result<Self, DistributedError> {
        const OPERATION: &str = "connecting the ranks";
        let mut group = null_mut();
        // SAFETY: the store is open, the name a terminated string, `group` a place for the answer.
        let message = unsafe {
            ffi::ssl_dist_join(
                store.raw(),
                text(name).as_ptr(),
                launch.rank as i32,
                launch.world_size as i32,
                cuda.into(),
                launch.is_local().into(),
                millis(limit),
                &raw mut group,
            )
        };
        answer(OPERATION, message)?;
        Ok(Self {
            raw: NonNull::new(group).ok_or_else(|| DistributedError::failed(OPERATION, ""))?,
            rank: launch.rank,
            world_size: launch.world_size,
            failure: OnceLock::new(),
        })
    }

    /// This rank.
    #[must_use]
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// Number of ranks.
    #[must_use]
    pub const fn world_size(&self) -> usize {
        self.world_size
    }

    /// Why a collective has failed, those of backward passes among them. After that, ranks no longer stand at the
    /// same place, and no other collective succeeds.
    #[must_use]
    pub fn failure(&self) -> Option<DistributedError> {
        // SAFETY: the group is open.
        let of_backward = unsafe { ffi::ssl_dist_failure(self.raw()) };
        let _ = self.noted(answer("batch norm over ranks", of_backward));
        self.failure.get().cloned()
    }

    /// Reduces a tensor over all ranks, in place.
    ///
    /// # Errors
    /// [`DistributedError::Failed`].
    pub fn all_reduce(
        &self,
        tensor: &Tensor,
        reduction: Reduction,
    ) -> Result<(), DistributedError> {
        if tensor.is_contiguous() {
            return self.start_all_reduce(tensor, reduction)?.wait();
        }
        let dense = tensor.contiguous();
        self.start_all_reduce(&dense, reduction)?.wait()?;
        tensor.shallow_clone().copy_(&dense);
        Ok(())
    }

    /// Starts to reduce a contiguous tensor in place; it is done when [`Pending::wait`] returns.
    ///
    /// # Errors
    /// [`DistributedError::Failed`].
    pub fn start_all_reduce(
        &self,
        tensor: &Tensor,
        reduction: Reduction,
    ) -> Result<Pending<'_>, DistributedError> {
        // SAFETY: the group is open; c10d keeps the tensor for as long as it needs it.
        self.start("all_reduce", |group, out| unsafe {
            ffi::ssl_dist_all_reduce(group, raw(tensor), reduction as i32, out)
        })
    }

    /// The tensors of all ranks, one after another along the first dimension, in rank order.
    ///
    /// # Errors
    /// [`DistributedError::Failed`].
    pub fn all_gather(&self, tensor: &Tensor) -> Result<Tensor, DistributedError> {
        let own = tensor.detach().contiguous();
        let mut shape = own.size();
        match shape.first_mut() {
            Some(rows) => *rows *= self.world_size as i64,
            None => shape.push(self.world_size as i64),
        }
        let all = Tensor::empty(shape.as_slice(), (own.kind(), own.device()));
        // SAFETY: as in `start_all_reduce`.
        self.start("all_gather", |group, out| unsafe {
            ffi::ssl_dist_all_gather(group, raw(&own), raw(&all), out)
        })?
        .wait()?;
        Ok(all)
    }

    /// The sum of the ranks' tensors, of which each rank gets its part along the first dimension; that has to divide
    /// by the number of ranks.
    ///
    /// # Errors
    /// [`DistributedError::Failed`].
    pub fn reduce_scatter(&self, tensor: &Tensor) -> Result<Tensor, DistributedError> {
        let all = tensor.detach().contiguous();
        let mut shape = all.size();
        let world_size = self.world_size as i64;
        match shape.first_mut() {
            Some(rows) if *rows % world_size == 0 => *rows /= world_size,
            _ => {
                let message =
                    format!("expected rows that divide by {world_size}, found the shape {shape:?}");
                return Err(DistributedError::failed("reduce_scatter", &message));
            }
        }
        let part = Tensor::empty(shape.as_slice(), (all.kind(), all.device()));
        // SAFETY: as in `start_all_reduce`.
        self.start("reduce_scatter", |group, out| unsafe {
            ffi::ssl_dist_reduce_scatter(group, raw(&all), raw(&part), out)
        })?
        .wait()?;
        Ok(part)
    }

    /// Overwrites a tensor with rank `root`'s.
    ///
    /// # Errors
    /// [`DistributedError::Failed`].
    pub fn broadcast(&self, tensor: &Tensor, root: usize) -> Result<(), DistributedError> {
        let dense = tensor.detach().contiguous();
        // SAFETY: as in `start_all_reduce`.
        self.start("broadcast", |group, out| unsafe {
            ffi::ssl_dist_broadcast(group, raw(&dense), root as i32, out)
        })?
        .wait()?;
        if dense.data_ptr() != tensor.data_ptr() {
            tensor.detach().copy_(&dense);
        }
        Ok(())
    }

    /// Waits until all ranks are here.
    ///
    /// # Errors
    /// [`DistributedError::Failed`].
    pub fn barrier(&self) -> Result<(), DistributedError> {
        self.all_reduce(&Tensor::from_slice(&[0_i64]), Reduction::Sum)
    }

    pub(crate) fn raw(&self) -> *mut RawGroup {
        self.raw.as_ptr()
    }

    /// Notes whether something failed.
    pub(crate) fn noted<T>(
        &self,
        result: Result<T, DistributedError>,
    ) -> Result<T, DistributedError> {
        if let Err(failure) = &result {
            self.failure.get_or_init(|| failure.clone());
        }
        result
    }

    fn start(
        &self,
        operation: &'static str,
        run: impl FnOnce(*mut RawGroup, *mut *mut RawPending) -> *mut std::ffi::c_char,
    ) -> Result<Pending<'_>, DistributedError> {
        let mut pending = null_mut();
        let message = run(self.raw(), &raw mut pending);
        self.noted(answer(operation, message))?;
        Ok(Pending {
            group: self,
            operation,
            raw: pending,
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: opened in `join`, left once.
        unsafe { ffi::ssl_dist_leave(self.raw.as_ptr()) }
    }
}

/// A collective that was started.
#[derive(Debug)]
#[must_use = "its tensor is only complete after `wait`"]
pub struct Pending<'a> {
    group: &'a Group,
    operation: &'static str,
    raw: *mut RawPending,
}

impl Pending<'_> {
    /// Waits until it is done.
    ///
    /// # Errors
    /// [`DistributedError::Failed`].
    pub fn wait(mut self) -> Result<(), DistributedError> {
        let pending = std::mem::replace(&mut self.raw, null_mut());
        // SAFETY: started in `start`, and waited for once: the pointer is null afterwards.
        let message = unsafe { ffi::ssl_dist_wait(pending) };
        self.group.noted(answer(self.operation, message))
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: started in `start`, not waited for yet.
            let message = unsafe { ffi::ssl_dist_wait(self.raw) };
            let _ = self.group.noted(answer(self.operation, message));
        }
    }
}
