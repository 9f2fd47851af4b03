//! The contrast of version 3; that of version 2 is the kit's, which PCL shares.

use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::{self, BlockError};
use ssl_plugin_kit::ranks::Ranks;

/// Cross-entropy of each query's own key among the keys of the batch.
///
/// ```text
/// 2τ · (1/B) Σ_i CE( (q_i·k_j)_j / τ , i )
/// ```
///
/// Other queries are no negatives. The factor makes gradients independent of the temperature.
///
/// # Shapes
/// - `q`, `k`: `[batch, dim]`, rows of unit length; no gradient goes into `k`
/// - returns `[1]`
///
/// With several ranks the keys are those of all ranks, gathered without gradient.
///
/// # Errors
/// [`BlockError`] when the shapes differ or a collective fails.
///
/// # Source
/// arXiv:2104.02057 section 3 and algorithm 1; `moco/builder.py`, `contrastive_loss`.
pub fn in_batch_contrast(
    q: Tensor<2>,
    k: Tensor<2>,
    temperature: f64,
    ranks: &Ranks,
) -> Result<Tensor<1>, BlockError> {
    let [batch, _] = q.dims();
    blocks::check_same(k.dims(), q.dims(), "keys", "in-batch contrast")?;
    let keys = ranks.all_gather(k.without_autodiff())?;
    let labels = blocks::range(ranks.rank() * batch, batch, &q.device());
    let logits = q.matmul(keys.transpose()) * (1.0 / temperature); // [batch, ranks · batch]
    Ok(blocks::cross_entropy(logits, labels)? * (2.0 * temperature))
}
