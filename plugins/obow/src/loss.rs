//! The student's side: bags predicted from pooled features.

use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::{BlockError, soft_cross_entropy_by_view};

/// Mean over rows of `KL( bag ‖ softmax(logits) )`, with `0·log 0 = 0`, for crops that share their bags.
///
/// The paper writes the cross-entropy; the code has the divergence, which differs by the bags' entropy
/// and has the same gradient. We follow the code.
///
/// # Shapes
/// - `logits`: `[crops · batch, words]`, crop by crop
/// - `bags`: `[batch, words]`, rows of sum 1, no gradient
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes do not fit.
///
/// # Source
/// arXiv:2012.11552 equation 4; `builder_obow.py`, `OBoW.forward` (`F.kl_div`).
pub fn divergence(logits: Tensor<2>, bags: Tensor<2>) -> Result<Tensor<1>, BlockError> {
    let bags = bags.without_autodiff();
    let [batch, _] = bags.dims();
    let logs = bags.clone().clamp_min(f64::from(f32::MIN_POSITIVE)).log();
    let negative_entropy = (bags.clone() * logs).sum().div_scalar(batch.max(1) as f64);
    let crops = logits.dims()[0] / batch.max(1);
    Ok(soft_cross_entropy_by_view(logits, &vec![bags; crops])? + negative_entropy)
}

/// Sum over groups of the mean over levels of the mean over the group's crops of [`divergence`] between
/// a level's bags and `κ · crop · Wᵀ`.
///
/// Features are not brought to unit length.
///
/// # Shapes
/// - `groups`: for each group its crops, each `[batch, dim]`
/// - `bags`: `[batch, words]` for each level
/// - `weights`: `[words, dim]` for each level, rows of unit length
/// - `kappas`: `[1, 1]` for each level
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes differ.
///
/// # Source
/// `builder_obow.py`, `OBoW.forward`; groups are added, levels and crops averaged.
pub fn student_loss(
    groups: &[Vec<Tensor<2>>],
    bags: &[Tensor<2>],
    weights: &[Tensor<2>],
    kappas: &[Tensor<2>],
) -> Result<Tensor<1>, BlockError> {
    let mut terms = Vec::new();
    for crops in groups {
        // The crops of a group in one product: the mean over all rows is that over crops and images.
        let features = Tensor::cat(crops.clone(), 0); // [crops·batch, dim]
        for ((bags, weights), kappa) in bags.iter().zip(weights).zip(kappas) {
            let logits = features.clone().matmul(weights.clone().transpose()) * kappa.clone();
            terms.push(divergence(logits, bags.clone())?);
        }
    }
    Ok(Tensor::cat(terms, 0).sum().div_scalar(bags.len() as f64))
}
