//! How concentrated a cluster is, which becomes its temperature.

use tch::{Kind, Tensor};

/// The settings of [`densities`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concentration {
    /// α, added to a cluster's size.
    pub alpha: f64,
    /// Lower and upper percentile.
    pub clip: [f64; 2],
    /// τ, the mean of the result.
    pub temperature: f64,
}

/// The density φ of each cluster, `[clusters]`, in float32.
///
/// ```text
/// φ_c = mean distance / ln(n_c + α)      for n_c > 1 samples, else the largest of these
/// φ   ← φ clipped to its own percentiles (linear interpolation, over all clusters)
/// φ   ← τ · φ / mean(φ)
/// ```
///
/// Where all densities are 0 (every sample on its centroid) all become τ.
///
/// # Shapes
/// - `distances`: `[samples]`, Euclidean, to the centroid as k-means left it
/// - `labels`: int64 `[samples]`, below `clusters`
///
/// # Source
/// arXiv:2005.04966 equation 12 without clipping; `main_pcl.py`, `run_kmeans`, with it.
pub fn densities(
    distances: &Tensor,
    labels: &Tensor,
    clusters: usize,
    settings: Concentration,
) -> Tensor {
    let distances = distances.to_kind(Kind::Double);
    let clusters = clusters as i64;
    let count = labels
        .bincount(None::<Tensor>, clusters)
        .to_kind(Kind::Double);
    let sum = labels.bincount(Some(&distances), clusters);
    let several = count.gt(1.0);
    let phi = sum / count.clamp_min(1.0) / (&count + settings.alpha).log();
    let largest = phi.where_self(&several, &phi.zeros_like()).max();
    let phi = phi.where_self(&several, &largest);
    let [low, high] = settings.clip.map(|p| percentile(&phi, p));
    let phi = phi.maximum(&low).minimum(&high);
    let mean = phi.mean(Kind::Double);
    let flat = phi.full_like(settings.temperature);
    let scaled = phi * settings.temperature / &mean;
    scaled.where_self(&mean.gt(0.0), &flat).to_kind(Kind::Float)
}

/// numpy's percentile with linear interpolation.
fn percentile(values: &Tensor, p: f64) -> Tensor {
    values.quantile_scalar(p / 100.0, 0, false, "linear")
}
