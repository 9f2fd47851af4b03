//! The symmetrised negative cosine.

use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::{BlockError, cosine};

/// How far the predictions `p` of each view are from the projections `z` of the other one.
///
/// ```text
/// c(a, b) = (1/B) Σ_i a_i·b_i / (max(‖a_i‖, 1e-8) · max(‖b_i‖, 1e-8))
/// loss = −½ ( c(p_0, z_1) + c(p_1, z_0) )
/// ```
///
/// Between −1 and 1. No gradient goes into `z`.
///
/// # Shapes
/// - `p`, `z`: one `[batch, dim]` for each view
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes differ.
///
/// # Source
/// arXiv:2011.10566 equation 2; `main_simsiam.py`, `train`.
pub fn negative_cosine(
    [p_0, p_1]: [Tensor<2>; 2],
    z: [Tensor<2>; 2],
) -> Result<Tensor<1>, BlockError> {
    let [z_0, z_1] = z.map(Tensor::without_autodiff);
    Ok((cosine(p_0, z_1)?.mean() + cosine(p_1, z_0)?.mean()) * -0.5)
}
