//! Swapped prediction.

use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::{BlockError, soft_cross_entropy};

/// The loss, given the codes of the crops that give codes.
///
/// ```text
/// l_i = mean over v ≠ i of  −(1/B) Σ_b Σ_k q_i[b,k] · log_softmax(s_v[b] / τ)[k]
/// loss = mean over i of l_i
/// ```
///
/// `v` runs over all crops but `i` itself, small ones and the other large ones alike.
///
/// # Shapes
/// - `codes`: crop number and `[batch, prototypes]`, rows of sum 1, no gradient
/// - `scores`: one `[batch, prototypes]` for each crop
/// - returns `[1]`
///
/// # Errors
/// [`BlockError`] when shapes differ.
///
/// # Source
/// arXiv:2006.09882 equation 2; `main_swav.py`, `train`.
pub fn swapped_prediction(
    codes: &[(usize, Tensor<2>)],
    scores: &[Tensor<2>],
    temperature: f64,
) -> Result<Tensor<1>, BlockError> {
    let pairs = (codes.len() * (scores.len() - 1)) as f64;
    let mut terms = Vec::new();
    for (i, q) in codes {
        for (_, s) in scores.iter().enumerate().filter(|(v, _)| v != i) {
            terms.push(soft_cross_entropy(
                s.clone().div_scalar(temperature),
                q.clone(),
            )?);
        }
    }
    Ok(Tensor::cat(terms, 0).sum().div_scalar(pairs))
}
