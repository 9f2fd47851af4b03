//! The teacher's distributions, and what keeps them apart: sharpening and the centre.

use ssl_plugin_kit::blocks::{BlockError, check_same};
use ssl_plugin_kit::burn::tensor::activation::softmax;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Fault, Tensor};

/// The teacher's distribution: `softmax((t − c) / τ_t)`, without gradient.
///
/// # Shapes
/// - `logits`: `[batch, out_dim]`
/// - `center`: `[1, out_dim]`
/// - returns `[batch, out_dim]`, rows of sum 1
///
/// # Errors
/// [`BlockError::Shape`] when the widths differ.
///
/// # Source
/// arXiv:2104.14294 section 3.1, "Avoiding collapse"; `main_dino.py`, `DINOLoss.forward`.
pub fn sharpened(
    logits: Tensor<2>,
    center: Tensor<2>,
    temperature: f64,
) -> Result<Tensor<2>, BlockError> {
    check_same(center.dims(), [1, logits.dims()[1]], "center", "teacher")?;
    let logits = logits.without_autodiff() - center.without_autodiff();
    Ok(softmax(logits.div_scalar(temperature), 1))
}

/// The centre after a step: `m·c + (1 − m)·mean of the rows`, over both large crops and all ranks, of raw
/// logits.
///
/// # Shapes
/// - `center`: `[1, out_dim]`
/// - `logits`: `[rows, out_dim]`, of both large crops
/// - returns `[1, out_dim]`
///
/// # Errors
/// A collective that failed.
///
/// # Source
/// `main_dino.py`, `DINOLoss.update_center`.
pub fn moved_center(
    center: Tensor<2>,
    logits: Tensor<2>,
    m: f64,
    ranks: &Ranks,
) -> Result<Tensor<2>, Fault> {
    let own = logits.without_autodiff();
    let rows = own.dims()[0] * ranks.world_size();
    let mean = ranks
        .all_reduce_sum(own.sum_dim(0))?
        .div_scalar(rows as f64); // [1, out_dim]
    Ok(center.mul_scalar(m) + mean.mul_scalar(1.0 - m))
}
