//! Invariance, variance and covariance.

use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::{self, BlockError};
use ssl_plugin_kit::burn::tensor::activation::relu;
use ssl_plugin_kit::ranks::Ranks;

/// Weights of the three terms, and the constant under the root.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// Of the invariance.
    pub sim: f64,
    /// Of the variance.
    pub std: f64,
    /// Of the covariance.
    pub cov: f64,
    /// Added to the variance under the root.
    pub variance_eps: f64,
}

/// The loss of two views' embeddings.
///
/// ```text
/// loss = sim · invariance(z_0, z_1) + std · ½ Σ_v variance(z_v) + cov · Σ_v covariance(z_v)
/// ```
///
/// # Shapes
/// - `z_0`, `z_1`: `[batch, dim]`, at least 2 rows over all ranks
/// - returns `[1]`
///
/// With several ranks the invariance is the rank's own, variance and covariance are those of all
/// ranks' rows, gathered with gradient; the average of the ranks' gradients is that of the whole
/// batch.
///
/// # Errors
/// [`BlockError`] when the shapes differ, the batch is a single row, or a collective fails.
///
/// # Source
/// arXiv:2105.04906 equation 6; `main_vicreg.py`, `VICReg.forward`. The paper has neither the ½ of
/// the variance term nor the mean over the width in its formula of the invariance; the weights of
/// 25, 25 and 1 belong to the code's form, which this follows.
pub fn vicreg(
    z_0: Tensor<2>,
    z_1: Tensor<2>,
    coefficients: Coefficients,
    ranks: &Ranks,
) -> Result<Tensor<1>, BlockError> {
    let Coefficients {
        sim,
        std,
        cov,
        variance_eps,
    } = coefficients;
    let mut loss = invariance(z_0.clone(), z_1.clone())? * sim;
    for z in [z_0, z_1] {
        let centred = centred(ranks.all_gather(z)?)?;
        loss = loss + variance(centred.clone(), variance_eps) * (std * 0.5);
        loss = loss + covariance(centred) * cov;
    }
    Ok(loss)
}

/// Mean squared distance, `(1/(B·d)) Σ (z_0 − z_1)²`.
///
/// # Shapes
/// - `z_0`, `z_1`: `[batch, dim]`
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes differ.
pub fn invariance(z_0: Tensor<2>, z_1: Tensor<2>) -> Result<Tensor<1>, BlockError> {
    blocks::check_same(z_1.dims(), z_0.dims(), "second embedding", "invariance")?;
    Ok((z_0 - z_1).square().mean())
}

/// How far each column's spread falls short of 1: `(1/d) Σ_j max(0, 1 − √(Var_j + ε))`, with the
/// variance's divisor `B − 1`.
///
/// # Shapes
/// - `centred`: `[batch, dim]`, columns of mean 0, at least 2 rows
/// - returns `[1]`
pub fn variance(centred: Tensor<2>, eps: f64) -> Tensor<1> {
    let free = centred.dims()[0] as f64 - 1.0;
    let var = centred.square().sum_dim(0) * (1.0 / free); // [1, dim]
    relu((var + eps).sqrt().neg().add_scalar(1.0)).mean()
}

/// Squared covariances of different columns: `(1/d) Σ_{j≠k} Cov_jk²`, with the divisor `B − 1`.
///
/// # Shapes
/// - `centred`: `[batch, dim]`, columns of mean 0, at least 2 rows
/// - returns `[1]`
pub fn covariance(centred: Tensor<2>) -> Tensor<1> {
    let [rows, dim] = centred.dims();
    let free = rows as f64 - 1.0;
    blocks::redundancy(centred) * (1.0 / (free * free * dim as f64))
}

/// Columns minus their means.
fn centred(z: Tensor<2>) -> Result<Tensor<2>, BlockError> {
    let [rows, _] = z.dims();
    if rows < 2 {
        return Err(BlockError::BatchTooSmall {
            rows,
            at: "variance and covariance",
        });
    }
    let mean = z.clone().mean_dim(0);
    Ok(z - mean)
}
