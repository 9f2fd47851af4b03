//! Distillation from the teacher's large crops into the student's other crops.

use ssl_plugin_kit::blocks::{BlockError, check_same, soft_cross_entropy};
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

/// Mean over pairs of a teacher's crop `u` and another crop `v` of the student's of
///
/// ```text
/// −(1/B) Σ_b Σ_k q_u[b,k] · log_softmax(s_v[b] / τ_s)[k]
/// ```
///
/// Teachers are the first views, so `v ≠ u` leaves a view out of its own pair only:
/// `teachers · (views − 1)` pairs.
///
/// # Shapes
/// - `teacher`: one `[batch, out_dim]` for each of the first views, rows of sum 1, no gradient
/// - `student`: one `[batch, out_dim]` of logits for each view; at least 2
/// - `temperature`: above 0
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when shapes differ.
///
/// # Source
/// arXiv:2104.14294 equation 3; `main_dino.py`, `DINOLoss.forward`.
pub fn distillation(
    teacher: &[Tensor<2>],
    student: &[Tensor<2>],
    temperature: f64,
) -> Result<Tensor<1>, BlockError> {
    let pairs = teacher.len() * student.len().saturating_sub(1);
    let mut terms = Vec::new();
    for (v, s) in student.iter().enumerate() {
        // The cross-entropy is linear in the target: one for the sum of all teachers of a crop.
        let others = teacher.iter().enumerate().filter(|(u, _)| *u != v);
        let target = others.map(|(_, q)| q.clone()).reduce(|sum, q| sum + q);
        if let Some(target) = target {
            let logits = s.clone().mul_scalar(1.0 / temperature);
            terms.push(soft_cross_entropy(logits, target)?);
        }
    }
    Ok(Tensor::cat(terms, 0).sum().div_scalar(pairs as f64))
}

/// The centre after a step: `m·c + (1 − m)·mean of the rows`, over both large crops and all ranks, of raw
/// logits.
///
/// # Shapes
/// - `center`: `[1, out_dim]`
/// - `logits`: each `[batch, out_dim]`
/// - returns `[1, out_dim]`
///
/// # Errors
/// A collective that failed.
///
/// # Source
/// `main_dino.py`, `DINOLoss.update_center`.
pub fn moved_center(
    center: Tensor<2>,
    logits: Vec<Tensor<2>>,
    m: f64,
    ranks: &Ranks,
) -> Result<Tensor<2>, Fault> {
    let own = Tensor::cat(logits, 0).without_autodiff();
    let rows = own.dims()[0] * ranks.world_size();
    let mean = ranks
        .all_reduce_sum(own.sum_dim(0))?
        .div_scalar(rows as f64); // [1, out_dim]
    Ok(center.mul_scalar(m) + mean.mul_scalar(1.0 - m))
}
