//! The redundancy-reduction loss.

use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::{self, BlockError};
use ssl_plugin_kit::ranks::Ranks;

/// How far the cross-correlation of two standardised embeddings is from the identity.
///
/// ```text
/// C = u_0ᵀ u_1 / B
/// loss = Σ_d (C_dd − 1)² + λ Σ_{d≠e} C_de²
/// ```
///
/// Sums, not means: the loss grows with the width.
///
/// # Shapes
/// - `u_0`, `u_1`: `[batch, dim]`, columns of mean 0 and (biased) variance 1 over all ranks
/// - returns `[1]`
///
/// With several ranks `C` is that of all ranks' rows, `B` their number, and every rank holds the
/// whole loss. The gradient passes through the sum over ranks, so the average that the host makes
/// of the ranks' gradients is the gradient of the whole batch.
///
/// # Errors
/// [`BlockError`] when the shapes differ or a collective fails.
///
/// # Source
/// arXiv:2103.03230 equation 1; `main.py`, `BarlowTwins.forward`.
pub fn redundancy_reduction(
    u_0: Tensor<2>,
    u_1: Tensor<2>,
    lambda: f64,
    ranks: &Ranks,
) -> Result<Tensor<1>, BlockError> {
    blocks::check_same(
        u_1.dims(),
        u_0.dims(),
        "second embedding",
        "redundancy reduction",
    )?;
    let rows = u_0.dims()[0] * ranks.world_size();
    let share = 1.0 / rows as f64;
    // One rank never makes C: its diagonal and the squares beside it follow from the embeddings.
    let (invariance, redundancy) = if ranks.world_size() == 1 {
        let diagonal = (u_0.clone() * u_1.clone()).sum_dim(0) * share; // [1, dim]
        let squares = blocks::cross_redundancy(u_0, u_1)? * (share * share);
        ((diagonal - 1.0).square().sum(), squares)
    } else {
        let c = ranks.all_reduce_sum(u_0.transpose().matmul(u_1))? * share; // [dim, dim]
        let invariance = blocks::diagonal(c.clone().sub_scalar(1.0)).square().sum();
        (invariance, blocks::off_diagonal(c).square().sum())
    };
    Ok(invariance + redundancy * lambda)
}
