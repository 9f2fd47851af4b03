//! Principal components, whitened.

use super::error::BlockError;
use crate::bridge::{from_tch, to_tch};
use burn::tensor::Tensor;
use ssl_plugin_api::export::called;
use tch::Kind;

/// Eigenvalues below this part of the largest are taken for it, so that directions without spread give small
/// numbers and not noise.
const FLOOR: f64 = 1e-10;

/// Features on their leading principal components, each divided by its standard deviation, rows brought to unit length.
///
/// `y = V_dᵀ (x − mean) / √λ_d`, then `y / ‖y‖`, with λ and V of the covariance in float64. The scale of the
/// covariance (`n` or `n − 1`) drops out of the unit rows, the signs of the components out of their Gram matrix.
///
/// ```
/// use ssl_plugin_kit::{blocks::whiten, testing::{close, matrix, values}};
///
/// let features = matrix([[1.0, 0.0], [-1.0, 0.1], [0.5, 3.0], [-0.5, -3.1]]);
/// let points = whiten(&features, 2).unwrap();
/// close(&values(points.square().sum_dim(1)), &[1.0; 4], 1e-5);
/// ```
///
/// # Shapes
/// - `features`: `[n, dim]`, `n ≥ 2`
/// - returns `[n, components]`, in the type of `features`
///
/// # Errors
/// [`BlockError::Setting`] unless `1 ≤ components ≤ dim`, [`BlockError::BatchTooSmall`] below two rows,
/// [`BlockError::NotFinite`] for features that are not numbers.
///
/// # Source
/// DeepCluster (arXiv:1807.05520), `clustering.py:preprocess_features` (faiss' PCA with `eigen_power` −0.5).
#[track_caller]
pub fn whiten(features: &Tensor<2>, components: usize) -> Result<Tensor<2>, BlockError> {
    const AT: &str = "whitening";
    const ROWS: i64 = 1 << 16;
    let _call = called();
    let [n, dim] = features.dims();
    if components == 0 || components > dim {
        return Err(BlockError::Setting {
            what: "components",
            expected: format!("in 1 … {dim}"),
            found: components.to_string(),
            at: AT,
        });
    }
    if n < 2 {
        return Err(BlockError::BatchTooSmall { rows: n, at: AT });
    }
    let features = to_tch(features);
    if !bool::try_from(features.isfinite().all()).unwrap_or(false) {
        return Err(BlockError::NotFinite {
            what: "features",
            at: AT,
        });
    }
    let mean = features.mean_dim(0, true, Kind::Double);
    let options = (Kind::Double, features.device());
    let mut covariance = tch::Tensor::zeros([dim as i64, dim as i64], options);
    for block in features.split(ROWS, 0) {
        let centred = block.to_kind(Kind::Double) - &mean;
        covariance = covariance.addmm(&centred.transpose(0, 1), &centred);
    }
    // Ascending eigenvalues: the leading ones are last.
    let (values, vectors) = (covariance / n as f64).linalg_eigh("L");
    let first = (dim - components) as i64;
    let largest = values.max();
    let values = values
        .narrow(0, first, components as i64)
        .maximum(&(largest * FLOOR));
    let map = vectors.narrow(1, first, components as i64)
        / values.sqrt().clamp_min(f64::MIN_POSITIVE.sqrt());
    let rows: Vec<tch::Tensor> = features
        .split(ROWS, 0)
        .iter()
        .map(|block| {
            let y = (block.to_kind(Kind::Double) - &mean).matmul(&map);
            let length = y
                .square()
                .sum_dim_intlist(1, true, None)
                .sqrt()
                .clamp_min(1e-12);
            (y / length).to_kind(features.kind())
        })
        .collect();
    Ok(from_tch(tch::Tensor::cat(&rows, 0)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{close, cpu, matrix, values};
    use crate::random::Random;

    #[test]
    fn axes_of_different_spread_count_alike() {
        // Around (5, −1): spread 4 along (1, 1)/√2 and 1 across it; whitened, all four points are at right angles.
        let x = matrix([[9.0, 3.0], [1.0, -5.0], [4.0, 0.0], [6.0, -2.0]]);
        let y = whiten(&x, 2).unwrap();
        let gram = values(y.clone().matmul(y.transpose()));
        let expected = [
            1.0, -1.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -1.0, 1.0,
        ];
        close(&gram, &expected, 1e-6);
    }

    #[test]
    fn the_leading_component_is_the_widest() {
        let x = matrix([[9.0, 3.0], [1.0, -5.0], [4.5, -0.5], [5.5, -1.5]]);
        let y = values(whiten(&x, 1).unwrap());
        assert!((y[0] + y[1]).abs() < 1e-6 && (y[0].abs() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn invertible_maps_change_nothing() {
        let x: Tensor<2> = Random::new(3, "x").normal([200, 3], 1.0, 1.0, &cpu());
        let map = matrix([[2.0, 0.3, 0.0], [-1.0, 0.5, 0.2], [0.0, 0.1, 30.0]]);
        let gram = |x: &Tensor<2>| {
            let y = whiten(x, 3).unwrap().slice_dim(0, 0..20);
            values(y.clone().matmul(y.transpose()))
        };
        close(&gram(&(x.clone().matmul(map) + 7.0)), &gram(&x), 1e-4);
    }

    #[test]
    fn directions_without_spread_do_no_harm() {
        let x = matrix([[1.0, 2.0, 0.0], [-1.0, -2.0, 0.0], [3.0, 6.0, 0.0]]);
        assert!(values(whiten(&x, 3).unwrap()).iter().all(|v| v.is_finite()));
        assert!(
            values(whiten(&(x * 0.0), 2).unwrap())
                .iter()
                .all(|v| *v == 0.0)
        );
    }

    #[test]
    fn settings_are_checked() {
        let x = matrix([[1.0, 2.0], [3.0, 4.0]]);
        let error = whiten(&x, 3).unwrap_err().to_string();
        assert_eq!(error, "expected components in 1 … 2, found 3 (whitening)");
        assert!(whiten(&matrix([[1.0, 2.0]]), 1).is_err());
        assert!(matches!(
            whiten(&(x / 0.0), 1),
            Err(BlockError::NotFinite { .. })
        ));
    }
}
