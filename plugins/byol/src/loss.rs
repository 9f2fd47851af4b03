//! The regression loss.

use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::unit_rows_squared;

/// Mean squared distance of unit vectors: `(1/B) Σ_i ‖n(p_i) − n(z_i)‖²`, with
/// `n(x) = x·rsqrt(max(Σx², 1e-12))`; between 0 and 4.
///
/// # Shapes
/// - `p`, `z`: `[batch, dim]`; no gradient goes into `z`
/// - returns `[1]`
///
/// # Source
/// arXiv:2006.07733 equation 2; `byol/utils/helpers.py`, `regression_loss`.
pub fn regression(p: Tensor<2>, z: Tensor<2>) -> Tensor<1> {
    let [batch, _] = p.dims();
    let z = unit_rows_squared(z.without_autodiff());
    (unit_rows_squared(p) - z)
        .powi_scalar(2)
        .sum()
        .div_scalar(batch as f64)
}
