//! The teacher's side: feature maps become bags of words.

use serde::Deserialize;
use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::{BlockError, check_same};
use ssl_plugin_kit::burn::tensor::IndexingUpdateOp;
use ssl_plugin_kit::burn::tensor::activation::softmax;
use ssl_plugin_kit::ranks::Ranks;

/// How the codes of all positions become one bag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pool {
    /// The largest code of each word.
    Max,
    /// The mean code of each word.
    Avg,
}

/// How positions are shared out among words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sharpness {
    /// All of it to the nearest word, the first of equals.
    Hard,
    /// By a softmax of `−(inv_delta/δ)·distance`.
    Soft(f64),
}

/// What [`bags`] gives.
pub struct Bags {
    /// `[batch, words]`, rows of sum 1.
    pub bags: Tensor<2>,
    /// The new mean least distance, `[1]`.
    pub min_distance_mean: Tensor<1>,
}

/// Bags of words, without gradient.
///
/// ```text
/// d[b, p, k] = ‖F[b, :, p] − V[k]‖²
/// δ ← decay·δ + (1 − decay)·mean over b, p (and ranks) of min_k d
/// codes = softmax over k of −(inv_delta/δ)·d            with the new δ
/// bag[b, k] = max over p of codes, divided by its sum over k
/// ```
///
/// # Shapes
/// - `map`: `[batch, channels, height, width]`, its border already taken off
/// - `vocabulary`: `[words, channels]`, as it was before this step
/// - `min_distance_mean`: `[1]`, δ before this step
///
/// # Errors
/// [`BlockError::Shape`] when channels differ; [`BlockError::Collective`].
///
/// # Source
/// arXiv:2012.11552 sections 3.2 and 3.4; `builder_obow.py`, `BoWExtractor`.
pub fn bags(
    map: Tensor<4>,
    vocabulary: Tensor<2>,
    min_distance_mean: Tensor<1>,
    decay: f64,
    sharpness: Sharpness,
    pool: Pool,
    ranks: &Ranks,
) -> Result<Bags, BlockError> {
    let [batch, channels, height, width] = map.dims();
    let [words, expected] = vocabulary.dims();
    check_same(
        [channels],
        [expected],
        "channels of the map",
        "bag of words",
    )?;
    let positions = height * width;
    let rows = map
        .without_autodiff()
        .permute([0, 2, 3, 1])
        .reshape([batch * positions, channels]);
    let distances = squared_distances(rows, vocabulary); // [batch·positions, words]
    let least = distances.clone().min_dim(1).mean(); // [1]
    let least = ranks
        .all_reduce_sum(least)?
        .div_scalar(ranks.world_size() as f64);
    let delta = min_distance_mean.mul_scalar(decay) + least.mul_scalar(1.0 - decay);
    let codes = match sharpness {
        Sharpness::Hard => nearest(&distances),
        Sharpness::Soft(inv_delta) => {
            let scale = delta.clone().recip().mul_scalar(-inv_delta);
            softmax(distances * scale.unsqueeze(), 1)
        }
    };
    let codes = codes.reshape([batch, positions, words]);
    let bags = match pool {
        Pool::Max => codes.max_dim(1),
        Pool::Avg => codes.mean_dim(1),
    };
    let bags = bags.reshape([batch, words]);
    let total = bags.clone().sum_dim(1);
    Ok(Bags {
        bags: bags / total,
        min_distance_mean: delta,
    })
}

/// `‖row − word‖²` of all pairs, `[rows, words]`; rounding below 0 is cut off.
fn squared_distances(rows: Tensor<2>, words: Tensor<2>) -> Tensor<2> {
    let squares = |x: &Tensor<2>| x.clone().square().sum_dim(1);
    let (of_rows, of_words) = (squares(&rows), squares(&words).transpose());
    let products = rows.matmul(words.transpose());
    (of_rows + of_words - products.mul_scalar(2.0)).clamp_min(0.0)
}

/// One at the nearest word of each row, else zero.
fn nearest(distances: &Tensor<2>) -> Tensor<2> {
    let [rows, _] = distances.dims();
    let word = distances.clone().argmin(1); // [rows, 1]
    let ones = Tensor::ones([rows, 1], &distances.device());
    distances
        .zeros_like()
        .scatter(1, word, ones, IndexingUpdateOp::Add)
}
