//! Rows of unit length, and cosines between rows.

use super::error::{BlockError, check_same};
use burn::tensor::Tensor;
use ssl_plugin_api::export::called;

/// Rows divided by their length, as PyTorch does it: `x / max(‖x‖, 1e-12)`.
///
/// A row of zeros stays zero and gets a gradient of zero direction change (that of `x / 1e-12`).
///
/// ```
/// use ssl_plugin_kit::{blocks::unit_rows, testing::{close, matrix, values}};
///
/// close(&values(unit_rows(matrix([[3.0, 4.0]]))), &[0.6, 0.8], 1e-6);
/// ```
///
/// # Shapes
/// - `x`: `[rows, dim]`
/// - returns `[rows, dim]`
///
/// # Source
/// `torch.nn.functional.normalize` with its default `eps`.
#[must_use]
#[track_caller]
pub fn unit_rows(x: Tensor<2>) -> Tensor<2> {
    let _call = called();
    let squares = x.clone().square().sum_dim(1); // [rows, 1]
    x * inverse_root(squares, 1e-24)
}

/// Rows divided by their length, as TensorFlow and Haiku do it: `x · rsqrt(max(Σ x², 1e-12))`.
///
/// Differs from [`unit_rows`] for rows shorter than 1e-6 only.
///
/// # Shapes
/// As [`unit_rows`].
///
/// # Source
/// `tf.math.l2_normalize` (SimCLR), `byol/utils/helpers.py` (BYOL).
#[must_use]
#[track_caller]
pub fn unit_rows_squared(x: Tensor<2>) -> Tensor<2> {
    let _call = called();
    let squares = x.clone().square().sum_dim(1);
    x * inverse_root(squares, 1e-12)
}

/// Cosine of each row of `a` with the same row of `b`: `a·b / (max(‖a‖, 1e-8) · max(‖b‖, 1e-8))`.
///
/// ```
/// use ssl_plugin_kit::{blocks::cosine, testing::{close, matrix, values}};
///
/// let cosines = cosine(matrix([[3.0, 4.0]]), matrix([[2.0, 0.0]])).unwrap();
/// close(&values(cosines), &[0.6], 1e-6);
/// ```
///
/// # Shapes
/// - `a`, `b`: `[rows, dim]`
/// - returns `[rows]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes differ.
///
/// # Source
/// `torch.nn.CosineSimilarity` (SimSiam).
#[track_caller]
pub fn cosine(a: Tensor<2>, b: Tensor<2>) -> Result<Tensor<1>, BlockError> {
    let _call = called();
    check_same(b.dims(), a.dims(), "second operand", "cosine")?;
    let rows = a.dims()[0];
    let scale = |x: &Tensor<2>| inverse_root(x.clone().square().sum_dim(1), 1e-16);
    let product = (a.clone() * b.clone()).sum_dim(1) * scale(&a) * scale(&b);
    Ok(product.reshape([rows]))
}

/// `1 / √max(squares, floor)`; no gradient below the floor, and none that is not a number.
fn inverse_root(squares: Tensor<2>, floor: f64) -> Tensor<2> {
    squares.clamp_min(floor).sqrt().recip()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{check_gradient, close, double, matrix, values};

    const AT: [f64; 6] = [0.3, -1.2, 0.7, 2.0, 0.1, -0.4];

    #[test]
    fn rows_come_to_unit_length() {
        let unit = values(unit_rows(matrix([[3.0, 4.0], [-0.5, 1.2]])));
        close(&unit, &[0.6, 0.8, -5.0 / 13.0, 12.0 / 13.0], 1e-6);
    }

    #[test]
    fn short_rows_tell_the_two_floors_apart() {
        // A row of length 5e-7: above PyTorch's floor of 1e-12, below TensorFlow's of 1e-6.
        let short = || matrix([[3e-7, 4e-7]]);
        close(&values(unit_rows(short())), &[0.6, 0.8], 1e-6);
        close(&values(unit_rows_squared(short())), &[0.3, 0.4], 1e-6);
        assert_eq!(values(unit_rows(matrix([[0.0, 0.0]]))), [0.0, 0.0]);
    }

    #[test]
    fn zero_rows_have_a_finite_gradient() {
        let x = matrix([[0.0, 0.0], [3.0, 4.0]]).autodiff().require_grad();
        let gradients = (unit_rows(x.clone()) * matrix([[1.0, 2.0], [1.0, 2.0]]))
            .sum()
            .backward();
        let gradient = values(x.grad(&gradients).unwrap());
        assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
        // (w − (w·n) n)/‖x‖ with n = (0.6, 0.8), w = (1, 2).
        close(
            &gradient[2..],
            &[(1.0 - 2.2 * 0.6) / 5.0, (2.0 - 2.2 * 0.8) / 5.0],
            1e-5,
        );
    }

    #[test]
    fn gradients_are_central_differences() {
        let weights = || double(&[1.0, -2.0, 0.5, 0.3, 0.9, -1.1], [2, 3]);
        check_gradient(&AT, [2, 3], 1e-8, |x| (unit_rows(x) * weights()).sum());
        check_gradient(&AT, [2, 3], 1e-8, |x| {
            (unit_rows_squared(x) * weights()).sum()
        });
        check_gradient(&AT, [2, 3], 1e-8, |x| cosine(x, weights()).unwrap().sum());
    }

    #[test]
    fn cosine_is_that_of_the_angle() {
        let a = matrix([[1.0, 0.0], [3.0, 4.0], [0.0, 0.0]]);
        let b = matrix([[2.0, 2.0], [-4.0, 3.0], [1.0, 1.0]]);
        let found = values(cosine(a.clone(), b).unwrap());
        assert!(
            (found[0] - 0.5_f32.sqrt()).abs() < 1e-6 && found[1].abs() < 1e-6 && found[2] == 0.0
        );
        assert!(cosine(a, matrix([[1.0, 2.0]])).is_err());
    }

    #[test]
    fn inputs_stay_untouched() {
        let x = matrix([[3.0, 4.0], [1.0, 2.0]]);
        let _ = unit_rows(x.clone());
        assert_eq!(values(x), [3.0, 4.0, 1.0, 2.0]);
    }
}
