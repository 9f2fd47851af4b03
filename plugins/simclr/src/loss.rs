//! NT-Xent, the normalised temperature-scaled cross-entropy.

use ssl_plugin_kit::blocks;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Fault, Tensor};

/// Added to a sample's similarity with itself, so that its exponential vanishes.
const EXCLUDED: f64 = 1e9;

/// The loss of a batch of unit projections of two views.
///
/// With `s(a, b) = a·b/τ`, for sample `i`:
///
/// ```text
/// l0_i = −s(z0_i, z1_i) + log( Σ_j exp s(z0_i, z1_j) + Σ_{j≠i} exp s(z0_i, z0_j) )
/// loss = (1/B) Σ_i (l0_i + l1_i)
/// ```
///
/// # Shapes
/// - `z_0`, `z_1`: `[batch, dim]`, rows of unit length
/// - returns `[1]`
///
/// With several ranks each rank's rows meet the rows of all ranks, gathered with gradient.
///
/// # Errors
/// A collective that fails, shapes that differ.
///
/// # Source
/// google-research/simclr `objective.py`, `add_contrastive_loss`: twice the mean over the `2B`
/// rows of the paper's equation 1. We follow the code.
pub fn nt_xent(
    z_0: Tensor<2>,
    z_1: Tensor<2>,
    temperature: f64,
    ranks: &Ranks,
) -> Result<Tensor<1>, Fault> {
    let [batch, _] = z_0.dims();
    let all_0 = ranks.all_gather(z_0.clone())?;
    let all_1 = ranks.all_gather(z_1.clone())?;
    let first = ranks.rank() * batch;
    let [rows, _] = all_0.dims();
    let own = blocks::one_hot_rows(batch, rows, first, &z_0.device()); // [batch, rows]
    let half = |a: Tensor<2>, same: &Tensor<2>, other: &Tensor<2>| {
        let cross = a
            .clone()
            .matmul(other.clone().transpose())
            .div_scalar(temperature);
        let within = a.matmul(same.clone().transpose()).div_scalar(temperature)
            - own.clone().mul_scalar(EXCLUDED);
        let logits = Tensor::cat(vec![cross, within], 1); // [batch, 2·rows]
        let labels = blocks::range(first, batch, &logits.device());
        blocks::cross_entropy(logits, labels)
    };
    Ok(half(z_0, &all_0, &all_1)? + half(z_1, &all_1, &all_0)?)
}
