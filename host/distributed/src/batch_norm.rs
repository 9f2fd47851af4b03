//! Batch norm with the statistics of all ranks.

#![expect(unsafe_code, reason = "hands tensors to cpp/")]

use crate::ffi::{self, answer, raw};
use crate::{DistributedError, Group};
use std::ptr::null_mut;
use tch::Tensor;

/// A batch norm layer in train mode.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// Factor of each channel, `[channels]` in f32.
    pub scale: &'a Tensor,
    /// Summand of each channel, `[channels]` in f32.
    pub offset: &'a Tensor,
    /// Running mean, which is updated.
    pub mean: &'a Tensor,
    /// Running variance, which is updated with the unbiased variance.
    pub var: &'a Tensor,
    /// Share of the new statistics in the running ones.
    pub momentum: f64,
    /// Added to the variance.
    pub eps: f64,
}

impl Group {
    /// `(x − μ)/√(σ² + ε) · scale + offset` with mean and variance over the batches of all ranks, which may be of
    /// different sizes, or empty. The result is differentiable; its backward pass is a collective as well, in which
    /// the gradients of scale and offset are those of this rank's part, to be summed by the caller.
    ///
    /// # Shapes
    /// - `x`: `[batch, channels, …]`, in f32 or bf16
    /// - returns the same shape and type
    ///
    /// # Errors
    /// [`DistributedError::Failed`].
    pub fn batch_norm(&self, x: &Tensor, layer: BatchNorm<'_>) -> Result<Tensor, DistributedError> {
        let mut out = null_mut();
        // SAFETY: group and tensors live; the graph keeps what its backward pass needs.
        let message = unsafe {
            ffi::ssl_dist_batch_norm(
                self.raw(),
                raw(x),
                raw(layer.scale),
                raw(layer.offset),
                raw(layer.mean),
                raw(layer.var),
                layer.momentum,
                layer.eps,
                &raw mut out,
            )
        };
        self.noted(answer("batch norm over ranks", message))?;
        // SAFETY: without a message, `out` is a tensor that is now ours.
        Ok(unsafe { Tensor::from_ptr(out.cast()) })
    }
}
