//! Cross-entropies of logits with labels and with distributions.

#![expect(
    deprecated,
    reason = "burn-tch 0.22.1 is the last release of the libtorch backend"
)]

use super::error::{BlockError, check_same};
use crate::bridge::to_tch_int;
use crate::graph::{constant, enter, record};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, unary};
use burn::tensor::{Int, Tensor};
use burn_tch::{LibTorch, TchTensor};
use ssl_plugin_api::export::called;
use tch::Kind;

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
    let (logits, place) = enter(logits);
    let labels = to_tch_int(&labels);
    let ignored = labels.eq(IGNORED);
    let counted = ignored.logical_not().to_kind(logits.tensor.kind()); // 1 for a row that counts
    let weights = &counted / counted.sum(None::<Kind>).clamp_min(1.0);
    let labels = labels.masked_fill(&ignored, 0).unsqueeze(1);
    let logs = logits.tensor.log_softmax(1, None::<Kind>);
    let picked = logs.gather(1, &labels, false).squeeze_dim(1);
    let loss = -(picked * &weights).sum(None::<Kind>).unsqueeze(0);
    let state = [logs, labels, weights.unsqueeze(1)].map(TchTensor::new);
    Ok(record(OfLabels, [place], TchTensor::new(loss), state))
}

/// `(softmax − one-hot label) · weight` of each row, in the memory of the log-probabilities.
#[derive(Debug)]
struct OfLabels;

impl Backward<LibTorch, 1> for OfLabels {
    type State = [TchTensor; 3];

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [mut logs, labels, weights] = ops.state;
        unary::<LibTorch, _>(ops.parents, ops.node, gradients, |g| {
            let weights = weights.tensor * g.tensor; // [rows, 1]
            let mut softmax = logs.tensor.exp_();
            let mut gradient = softmax.g_mul_(&weights);
            TchTensor::new(gradient.scatter_add_(1, &labels.tensor, &-weights))
        });
    }
}

/// Mean over the rows of `−Σ_k target_k · log softmax(logits)_k`.
///
/// # Shapes
/// - `logits`, `target`: `[rows, classes]`; rows of `target` sum to 1; no gradient goes into `target`
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes differ.
#[track_caller]
pub fn soft_cross_entropy(logits: Tensor<2>, target: Tensor<2>) -> Result<Tensor<1>, BlockError> {
    let _call = called();
    soft_cross_entropy_by_view(logits, &[target])
}

/// [`soft_cross_entropy`] of several views whose logits lie one after the other, with a target for each: the mean over
/// all rows.
///
/// Views may share a target; it is not copied.
///
/// # Shapes
/// - `logits`: `[views · batch, classes]`
/// - `targets`: `[batch, classes]` for each view; no gradient goes into them
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes do not fit.
#[track_caller]
pub fn soft_cross_entropy_by_view(
    logits: Tensor<2>,
    targets: &[Tensor<2>],
) -> Result<Tensor<1>, BlockError> {
    let _call = called();
    let [rows, classes] = logits.dims();
    let batch = rows / targets.len().max(1);
    for target in targets {
        check_same(
            target.dims(),
            [batch, classes],
            "target",
            "soft cross entropy",
        )?;
    }
    check_same(
        [batch * targets.len()],
        [rows],
        "rows of targets",
        "soft cross entropy",
    )?;
    let (logits, place) = enter(logits);
    let targets: Vec<_> = targets.iter().cloned().map(constant).collect();
    let share = 1.0 / rows.max(1) as f64;
    let logs = logits.tensor.log_softmax(1, None::<Kind>);
    // A product of each row of logs with its row of targets: nothing of the logits' size is made.
    let sums = targets.iter().enumerate().map(|(view, target)| {
        let logs = rows_of_view(&logs, view, batch).unsqueeze(1);
        logs.bmm(&target.tensor.unsqueeze(2)).sum(None::<Kind>)
    });
    let loss = sums.fold(
        logs.new_zeros([1], (logs.kind(), logs.device())),
        |total, sum| total - sum,
    ) * share;
    let state = Targets {
        logs: TchTensor::new(logs),
        targets,
        share,
    };
    Ok(record(OfTargets, [place], TchTensor::new(loss), state))
}

/// Mean over pairs of a target and a view other than the target's own of [`soft_cross_entropy`].
///
/// ```text
/// loss = mean over i, mean over v ≠ i of  −(1/batch) Σ_b Σ_k target_i[b, k] · log softmax(logits_v[b])_k
/// ```
///
/// # Shapes
/// - `logits`: `[views · batch, classes]`, view by view; at least two views
/// - `targets`: number of the view and `[batch, classes]`, rows of sum 1; no gradient goes into them
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes do not fit.
///
/// # Source
/// SwAV (arXiv:2006.09882) equation 2, DINO (arXiv:2104.14294) equation 3.
#[track_caller]
pub fn swapped_cross_entropy(
    logits: Tensor<2>,
    targets: &[(usize, Tensor<2>)],
    views: usize,
) -> Result<Tensor<1>, BlockError> {
    let _call = called();
    let batch = logits.dims()[0] / views.max(1);
    let empty = || {
        logits
            .clone()
            .without_autodiff()
            .narrow(0, 0, batch)
            .zeros_like()
    };
    // The cross-entropy is linear in the target: one for the sum of all that a view is compared with.
    let sum_without = |view: Option<usize>| {
        let others = targets.iter().filter(|(own, _)| Some(*own) != view);
        let others = others.map(|(_, target)| target.clone().without_autodiff());
        others
            .reduce(|sum, target| sum + target)
            .unwrap_or_else(empty)
    };
    let all = sum_without(None);
    let by_view: Vec<_> = (0..views)
        .map(|view| match targets.iter().any(|(own, _)| *own == view) {
            true => sum_without(Some(view)),
            false => all.clone(),
        })
        .collect();
    let pairs = targets.len() * views.saturating_sub(1);
    let scale = views as f64 / pairs.max(1) as f64;
    Ok(soft_cross_entropy_by_view(logits, &by_view)? * scale)
}

/// What the gradient of soft targets is made of.
#[derive(Clone, Debug)]
struct Targets {
    logs: TchTensor,
    targets: Vec<TchTensor>,
    share: f64,
}

/// `softmax · Σ_k target_k − target` of each row, in the memory of the log-probabilities.
#[derive(Debug)]
struct OfTargets;

impl Backward<LibTorch, 1> for OfTargets {
    type State = Targets;

    fn backward(self, ops: Ops<Targets, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let Targets {
            mut logs,
            targets,
            share,
        } = ops.state;
        unary::<LibTorch, _>(ops.parents, ops.node, gradients, |g| {
            let scale = g.tensor * share; // [1]
            let gradient = logs.tensor.exp_();
            let batch = gradient.size()[0] / i64::try_from(targets.len()).unwrap_or(1).max(1);
            for (view, target) in targets.iter().enumerate() {
                let mut own = rows_of_view(&gradient, view, batch as usize);
                let sums = target.tensor.sum_dim_intlist(1, true, None::<Kind>) * &scale;
                let _ = own.g_mul_(&sums);
                let _ = own.addcmul_(&target.tensor, &-&scale);
            }
            TchTensor::new(gradient)
        });
    }
}

fn rows_of_view(all: &tch::Tensor, view: usize, batch: usize) -> tch::Tensor {
    all.narrow(0, (view * batch) as i64, batch as i64)
}

#[cfg(test)]
mod tests;
