//! Gradient clipping by norm.

use ssl_plugin_api::description::Clipping;
use tch::{Kind, TchError, Tensor};

/// Kept in the denominator, as PyTorch's `clip_grad_norm_` does.
const EPS: f64 = 1e-6;

/// The factor on each gradient, `min(1, max_norm / (‖g‖ + 1e-6))`, as tensors of one element.
///
/// With [`Clipping::Global`] the norm is over all gradients given and the factors are one and the
/// same.
pub(super) fn factors(clipping: Clipping, grads: &[&Tensor]) -> Result<Vec<Tensor>, TchError> {
    let norms = grads
        .iter()
        .map(|g| g.f_norm())
        .collect::<Result<Vec<_>, _>>()?;
    let factor = |norm: &Tensor, max_norm: f64| {
        norm.f_add_scalar(EPS)?
            .f_reciprocal()?
            .f_mul_scalar(max_norm)?
            .f_clamp_max(1.0)
    };
    match clipping {
        Clipping::PerTensor { max_norm } => norms.iter().map(|n| factor(n, max_norm)).collect(),
        Clipping::Global { max_norm } => {
            if norms.is_empty() {
                return Ok(Vec::new());
            }
            let total = Tensor::f_stack(&norms, 0)?
                .f_to_kind(Kind::Float)?
                .f_norm()?;
            let factor = factor(&total, max_norm)?;
            Ok(norms.iter().map(|_| factor.shallow_clone()).collect())
        }
    }
}
