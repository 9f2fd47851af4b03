//! InfoNCE against a queue of keys.

#![expect(
    deprecated,
    reason = "burn-tch 0.22.1 is the last release of the libtorch backend"
)]

use super::error::{BlockError, check_same};
use crate::graph::{constant, enter, record};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, unary};
use burn::tensor::Tensor;
use burn_tch::{LibTorch, TchTensor};
use ssl_plugin_api::export::called;
use tch::Kind;

/// Cross-entropy of each query's own key among the keys of a queue.
///
/// ```text
/// logits_i = [ q_i·k_i , q_i·Q_1 , … , q_i·Q_K ] / τ
/// loss = (1/B) Σ_i CE(logits_i, 0)
/// ```
///
/// Other samples of the batch are no negatives.
///
/// ```
/// use ssl_plugin_kit::{blocks::queue_contrast, testing::{close, matrix, values}};
///
/// let (q, k, queue) = (matrix([[1.0, 0.0]]), matrix([[1.0, 0.0]]), matrix([[0.0], [1.0]]));
/// let loss = queue_contrast(q, k, queue, 1.0).unwrap();
/// close(&values(loss), &[(-1_f32).exp().ln_1p()], 1e-5); // logits 1 and 0
/// ```
///
/// # Shapes
/// - `q`, `k`: `[batch, dim]`, rows of unit length; no gradient goes into `k`
/// - `queue`: `[dim, K]`, columns of unit length, as they were before `k` joins them
/// - `temperature`: above 0
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes do not fit.
///
/// # Source
/// He et al. (arXiv:1911.05722) equation 1; `moco/builder.py`, `MoCo.forward`. PCL shares it.
#[track_caller]
pub fn queue_contrast(
    q: Tensor<2>,
    k: Tensor<2>,
    queue: Tensor<2>,
    temperature: f64,
) -> Result<Tensor<1>, BlockError> {
    const AT: &str = "queue contrast";
    let _call = called();
    let [batch, dim] = q.dims();
    check_same(k.dims(), q.dims(), "keys", AT)?;
    check_same([queue.dims()[0]], [dim], "rows of the queue", AT)?;
    let (k, queue) = (constant(k), constant(queue));
    let (q, place) = enter(q);
    let q = q.tensor * (1.0 / temperature);
    let positive = (&q * &k.tensor).sum_dim_intlist(1, true, None::<Kind>); // [batch, 1]
    let mut negative = q.matmul(&queue.tensor); // [batch, K]
    let largest = negative.amax(1, true).maximum(&positive);
    let own = (&positive - &largest).exp();
    let negative = negative.g_sub_(&largest).exp_();
    let total = negative.sum_dim_intlist(1, true, None::<Kind>) + &own;
    let loss = (total.log() + largest - positive).mean(None::<Kind>);
    let state = Softmax {
        own: TchTensor::new(own / &total),
        negative: TchTensor::new(negative),
        total: TchTensor::new(total),
        k,
        queue,
        scale: 1.0 / (temperature * batch.max(1) as f64),
    };
    let loss = TchTensor::new(loss.unsqueeze(0));
    Ok(record(QueueContrast, [place], loss, state))
}

/// What the gradient is made of: the softmax's parts, no row of all logits.
#[derive(Clone, Debug)]
struct Softmax {
    /// Probability of the own key, `[batch, 1]`.
    own: TchTensor,
    /// Exponentials of the queue's logits, `[batch, K]`, up to the factor of `total`.
    negative: TchTensor,
    /// Sums of the exponentials, `[batch, 1]`.
    total: TchTensor,
    k: TchTensor,
    queue: TchTensor,
    scale: f64,
}

#[derive(Debug)]
struct QueueContrast;

impl Backward<LibTorch, 1> for QueueContrast {
    type State = Softmax;

    fn backward(self, ops: Ops<Softmax, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let Softmax {
            own,
            negative,
            total,
            k,
            queue,
            scale,
        } = ops.state;
        unary::<LibTorch, _>(ops.parents, ops.node, gradients, |g| {
            let away = negative.tensor.matmul(&queue.tensor.transpose(0, 1)) / total.tensor;
            let towards = k.tensor * (1.0 - own.tensor);
            TchTensor::new((away - towards) * (g.tensor * scale))
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{check_gradient, double, matrix, values};

    #[test]
    fn two_queries_by_hand() {
        let q = matrix([[1.0, 0.0], [0.6, 0.8]]);
        let k = matrix([[0.8, 0.6], [0.0, 1.0]]);
        // Columns (0, 1), (−1, 0), (0.6, −0.8).
        let queue = matrix([[0.0, -1.0, 0.6], [1.0, 0.0, -0.8]]);
        let loss = values(queue_contrast(q, k, queue, 0.5).unwrap())[0];
        let row = |p: f32, n: [f32; 3]| {
            let total: f32 = [p, n[0], n[1], n[2]].iter().map(|s| (s / 0.5).exp()).sum();
            total.ln() - p / 0.5
        };
        let expected = (row(0.8, [0.0, -1.0, 0.6]) + row(0.8, [0.8, -0.6, -0.28])) / 2.0;
        assert!(
            (loss - expected).abs() < 1e-6,
            "found {loss}, expected {expected}"
        );
    }

    #[test]
    fn gradient_of_the_queries_is_the_central_difference() {
        let k = || double(&[0.8, 0.6, 0.0, 1.0], [2, 2]);
        let queue = || double(&[0.0, -1.0, 0.6, 1.0, 0.0, -0.8], [2, 3]);
        check_gradient(&[1.0, 0.0, 0.6, 0.8], [2, 2], 1e-8, |q| {
            queue_contrast(q, k(), queue(), 0.2).unwrap()
        });
    }

    #[test]
    fn small_temperatures_stay_finite() {
        let (q, k) = (matrix([[1.0, 0.0]]), matrix([[0.0, 1.0]]));
        let loss = queue_contrast(q, k, matrix([[1.0], [0.0]]), 1e-3).unwrap();
        assert_eq!(values(loss), [1000.0]);
    }

    #[test]
    fn keys_get_no_gradient() {
        let leaf = || matrix([[1.0, 0.0], [0.6, 0.8]]).autodiff().require_grad();
        let (q, k) = (leaf(), leaf());
        let loss = queue_contrast(q.clone(), k.clone(), matrix([[0.0], [1.0]]), 0.2).unwrap();
        let gradients = loss.backward();
        assert!(q.grad(&gradients).is_some() && k.grad(&gradients).is_none());
    }

    #[test]
    fn a_queue_of_another_width_is_refused() {
        let q = || matrix([[1.0, 0.0]]);
        let error = queue_contrast(q(), q(), matrix([[1.0, 0.0]]), 0.2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected rows of the queue of shape [2], found [1] (queue contrast)"
        );
    }
}
