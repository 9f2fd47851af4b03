//! Cross-entropies of logits with labels and with distributions.

use super::error::{BlockError, check_same};
use burn::tensor::{Int, Tensor, activation::log_softmax};
use ssl_plugin_api::export::called;

/// Label of a row that is left out, as in PyTorch.
pub const IGNORED: i64 = -100;

/// Mean over the rows of `−log softmax(logits)[label]`; rows labelled [`IGNORED`] count neither above nor below.
///
/// Without any labelled row the loss is 0 with a gradient of 0 (PyTorch gives NaN).
///
/// ```
/// use ssl_plugin_kit::{Int, Tensor, blocks::cross_entropy, testing::{close, cpu, matrix, values}};
///
/// let labels: Tensor<1, Int> = Tensor::from_data([1], &cpu());
/// let loss = cross_entropy(matrix([[0.0, 0.0]]), labels).unwrap();
/// close(&values(loss), &[2_f32.ln()], 1e-6);
/// ```
///
/// # Shapes
/// - `logits`: `[rows, classes]`
/// - `labels`: `[rows]`, each in `0 … classes − 1` or [`IGNORED`]; this is not checked, as it would have to wait for the device
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when there are not as many labels as rows.
///
/// # Source
/// `torch.nn.functional.cross_entropy` with its default `ignore_index`.
#[track_caller]
pub fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>) -> Result<Tensor<1>, BlockError> {
    let _call = called();
    let [rows, _] = logits.dims();
    check_same(labels.dims(), [rows], "labels", "cross entropy")?;
    let ignored = labels.clone().equal_scalar(IGNORED);
    let picked = labels.mask_fill(ignored.clone(), 0).reshape([rows, 1]);
    let log_likelihood = log_softmax(logits, 1).gather(1, picked).reshape([rows]);
    let dtype = log_likelihood.dtype();
    let counted = ignored.bool_not().float().cast(dtype); // 1 for a row that counts
    let count = counted.clone().sum().clamp_min(1.0);
    Ok(-(log_likelihood * counted).sum() / count)
}

/// Mean over the rows of `−Σ_k target_k · log softmax(logits)_k`.
///
/// # Shapes
/// - `logits`, `target`: `[rows, classes]`; rows of `target` sum to 1
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes differ.
#[track_caller]
pub fn soft_cross_entropy(logits: Tensor<2>, target: Tensor<2>) -> Result<Tensor<1>, BlockError> {
    let _call = called();
    check_same(target.dims(), logits.dims(), "target", "soft cross entropy")?;
    let share = 1.0 / logits.dims()[0].max(1) as f64;
    Ok((target * log_softmax(logits, 1)).sum() * -share)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{check_gradient, close, cpu, double, matrix, values};

    fn labels<const N: usize>(values: [i64; N]) -> Tensor<1, Int> {
        Tensor::from_data(values, &cpu())
    }

    #[test]
    fn ignored_rows_leave_the_mean() {
        let logits = matrix([[0.0, 3_f32.ln()], [50.0, -50.0], [2_f32.ln(), 0.0]]);
        let loss = values(cross_entropy(logits, labels([1, IGNORED, 1])).unwrap());
        // −ln(3/4) and −ln(1/3), over two rows.
        close(&loss, &[((4.0_f32 / 3.0).ln() + 3_f32.ln()) / 2.0], 1e-6);
    }

    #[test]
    fn huge_logits_stay_finite() {
        let loss =
            values(cross_entropy(matrix([[1000.0, 0.0], [0.0, 1000.0]]), labels([1, 1])).unwrap());
        assert_eq!(loss, [500.0]);
    }

    #[test]
    fn no_label_at_all_is_zero() {
        let logits = matrix([[1.0, 2.0]]).autodiff().require_grad();
        let loss = cross_entropy(logits.clone(), labels([IGNORED])).unwrap();
        assert_eq!(values(loss.clone()), [0.0]);
        assert_eq!(values(logits.grad(&loss.backward()).unwrap()), [0.0, 0.0]);
    }

    #[test]
    fn soft_targets_weigh_the_classes() {
        let logits = matrix([[0.0, 3_f32.ln()], [2_f32.ln(), 0.0]]);
        let target = matrix([[0.25, 0.75], [1.0, 0.0]]);
        let expected = 0.25 * 4_f32.ln() + 0.75 * (4.0_f32 / 3.0).ln() + 1.5_f32.ln();
        close(
            &values(soft_cross_entropy(logits, target).unwrap()),
            &[expected / 2.0],
            1e-6,
        );
    }

    #[test]
    fn gradients_are_central_differences() {
        let at = [0.3, -1.2, 0.7, 2.0, 0.1, -0.4, 1.5, 0.2, -0.9];
        check_gradient(&at, [3, 3], 1e-8, |x| {
            cross_entropy(x, labels([2, IGNORED, 0])).unwrap()
        });
        let target = || double(&[0.2, 0.3, 0.5, 0.1, 0.9, 0.0, 0.6, 0.2, 0.2], [3, 3]);
        check_gradient(&at, [3, 3], 1e-8, |x| {
            soft_cross_entropy(x, target()).unwrap()
        });
    }

    #[test]
    fn shapes_are_checked() {
        let logits = matrix([[0.0, 1.0], [2.0, 3.0]]);
        assert!(cross_entropy(logits.clone(), labels([0])).is_err());
        assert!(soft_cross_entropy(logits, matrix([[0.5, 0.5]])).is_err());
    }
}
