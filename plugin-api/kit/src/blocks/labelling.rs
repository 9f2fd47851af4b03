//! Sinkhorn–Knopp over a data set, in float64 logarithms and block by block.

use super::error::BlockError;
use crate::bridge::{from_tch, from_tch_int, to_tch};
use crate::ranks::Ranks;
use burn::tensor::{Int, Tensor};
use ssl_plugin_api::export::called;
use std::ops::Range;
use tch::Kind;

/// When [`label_balanced`] is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stop {
    /// After so many rounds (SeLa-v2: 3).
    Rounds(usize),
    /// In round 1 and every `check_every` rounds after it, if `Σ_n |c_n/c'_n − 1| ≤ tolerance`; that round still
    /// counts (SeLa-v1: 0.1, 10). Ends after `limit` rounds at the latest.
    Tolerance {
        /// Largest sum of relative changes, over the samples of all ranks.
        tolerance: f64,
        /// Rounds from one check to the next.
        check_every: usize,
        /// Most rounds.
        limit: usize,
    },
}

/// A balanced assignment of samples to clusters.
#[derive(Debug)]
pub struct Balanced {
    /// The best cluster of each of this rank's samples, int64 `[samples]`.
    pub labels: Tensor<1, Int>,
    /// Rounds done.
    pub rounds: usize,
    log_r: tch::Tensor,
}

impl Balanced {
    /// Rows of the soft assignment, summing to 1, from the samples' log scores.
    ///
    /// # Shapes
    /// - `log_scores`: `[rows, clusters]`, as given to [`label_balanced`]
    /// - returns `[rows, clusters]`, float64
    #[must_use]
    #[track_caller]
    pub fn soft(&self, log_scores: &Tensor<2>) -> Tensor<2> {
        let _call = called();
        from_tch((to_tch(log_scores).to_kind(Kind::Double) + &self.log_r).softmax(1, Kind::Double))
    }
}

/// Labels that use all clusters alike: the assignment closest to `P = exp(log scores)` with equal cluster sizes.
///
/// With c = 1/N, in each round `r_k = (1/K) / Σ_n P_nk c_n`, then `c'_n = (1/N) / Σ_k P_nk r_k`, then c = c'. The
/// assignment is `Q_nk = N c_n P_nk r_k` and the label `argmax_k Q_nk`. Cluster sums run over the samples of all
/// ranks. Everything is float64 and in logarithms, so sharp scores such as `25 · log softmax` do no harm.
///
/// `log_scores` gives the rows of a range of this rank's samples; it is called once per block and round, twice more
/// at the ends, so that the `[samples, clusters]` matrix need never exist. SeLa-v1: `λ · log softmax(head(x))`. SeLa-v2:
/// `z · Pᵀ / ε`, which with [`Stop::Rounds`] is SwAV's Sinkhorn over the whole data set.
///
/// ```
/// use ssl_plugin_kit::blocks::{Stop, label_balanced};
/// use ssl_plugin_kit::{ranks::Ranks, testing::matrix};
///
/// // Both samples prefer cluster 0, the second one less.
/// let scores = matrix([[2.0, 0.0], [1.0, 0.0]]);
/// let rows = |range: std::ops::Range<usize>| Ok(scores.clone().slice_dim(0, range));
/// let found = label_balanced([2, 2], Stop::Rounds(50), &Ranks::single(), rows).unwrap();
/// assert_eq!(found.labels.try_into_vec_as::<i64>().unwrap(), [0, 1]);
/// ```
///
/// # Shapes
/// - `[samples, clusters]`: this rank's samples, all clusters
/// - `log_scores(range)`: `[range.len(), clusters]`
///
/// # Errors
/// [`BlockError::Setting`] without samples, clusters or rounds; [`BlockError::Shape`] for a block of another shape;
/// [`BlockError::NotFinite`] when a score is not a number; [`BlockError::Collective`]; what `log_scores` returns.
///
/// # Source
/// SeLa (arXiv:1911.05371) algorithm 1, `self-label:sinkornknopp.py`; SwAV (arXiv:2006.09882) appendix D.
#[track_caller]
pub fn label_balanced(
    [samples, clusters]: [usize; 2],
    stop: Stop,
    ranks: &Ranks,
    log_scores: impl FnMut(Range<usize>) -> Result<Tensor<2>, BlockError>,
) -> Result<Balanced, BlockError> {
    let _call = called();
    // About 64 MB of float64.
    let rows = ((1 << 23) / clusters.max(1)).max(1);
    in_blocks(rows, [samples, clusters], stop, ranks, log_scores)
}

fn in_blocks(
    rows: usize,
    [samples, clusters]: [usize; 2],
    stop: Stop,
    ranks: &Ranks,
    log_scores: impl FnMut(Range<usize>) -> Result<Tensor<2>, BlockError>,
) -> Result<Balanced, BlockError> {
    let limit = check([samples, clusters], stop)?;
    let mut scores = Blocks {
        rows,
        samples,
        clusters,
        log_scores,
    };
    let first = scores.block(0)?;
    let device = first.device();
    let float = (Kind::Double, device);
    let total = sum_over_ranks(
        ranks,
        tch::Tensor::from(samples as f64)
            .to_device(device)
            .reshape(1),
    )?;
    let log_n = f64::try_from(total).map_err(|_| not_finite())?.ln();
    let log_k = (clusters as f64).ln();

    let log_c = tch::Tensor::full([samples as i64], -log_n, float);
    let mut per_cluster = Columns::new(clusters, float);
    for start in scores.starts() {
        per_cluster.add(&(scores.block(start)? - log_n));
    }
    let mut rounds = 0;
    let log_r = loop {
        rounds += 1;
        let log_r = -(per_cluster.over_ranks(ranks)? + log_k); // [clusters]
        // One pass gives this round's c and the sums of the next round's r.
        per_cluster = Columns::new(clusters, float);
        let mut change = tch::Tensor::zeros([1], float);
        for start in scores.starts() {
            let block = scores.block(start)?;
            let new = -((&block + &log_r).logsumexp([1], false) + log_n); // [rows]
            let mut old = log_c.narrow(0, start as i64, new.size()[0]);
            change += (&old - &new).expm1().abs().sum(Kind::Double);
            old.copy_(&new);
            per_cluster.add(&(block + new.unsqueeze(1)));
        }
        if rounds == limit || is_done(stop, rounds, change, ranks)? {
            break log_r;
        }
    };
    if !bool::try_from(log_r.isfinite().all()).unwrap_or(false) {
        return Err(not_finite());
    }
    let mut labels = Vec::new();
    for start in scores.starts() {
        labels.push((scores.block(start)? + &log_r).argmax(1, false));
    }
    Ok(Balanced {
        labels: from_tch_int(tch::Tensor::cat(&labels, 0)),
        rounds,
        log_r,
    })
}

const AT: &str = "balanced labelling";

fn not_finite() -> BlockError {
    BlockError::NotFinite {
        what: "log scores",
        at: AT,
    }
}

fn check(shape: [usize; 2], stop: Stop) -> Result<usize, BlockError> {
    let limit = match stop {
        Stop::Rounds(rounds) => rounds,
        Stop::Tolerance {
            check_every, limit, ..
        } => limit * usize::from(check_every > 0),
    };
    for (what, found) in [
        ("samples", shape[0]),
        ("clusters", shape[1]),
        ("rounds", limit),
    ] {
        if found == 0 {
            return Err(BlockError::Setting {
                what,
                expected: "of at least 1".to_owned(),
                found: found.to_string(),
                at: AT,
            });
        }
    }
    Ok(limit)
}

fn is_done(
    stop: Stop,
    rounds: usize,
    change: tch::Tensor,
    ranks: &Ranks,
) -> Result<bool, BlockError> {
    match stop {
        Stop::Tolerance {
            tolerance,
            check_every,
            ..
        } if (rounds - 1).is_multiple_of(check_every) => {
            let change = f64::try_from(sum_over_ranks(ranks, change)?).map_err(|_| not_finite())?;
            Ok(change <= tolerance)
        }
        _ => Ok(false),
    }
}

fn sum_over_ranks(ranks: &Ranks, values: tch::Tensor) -> Result<tch::Tensor, BlockError> {
    Ok(to_tch(&ranks.all_reduce_sum::<1>(from_tch(values))?))
}

/// The score matrix in blocks of rows.
struct Blocks<F> {
    rows: usize,
    samples: usize,
    clusters: usize,
    log_scores: F,
}

impl<F: FnMut(Range<usize>) -> Result<Tensor<2>, BlockError>> Blocks<F> {
    fn starts(&self) -> impl Iterator<Item = usize> + use<F> {
        (0..self.samples).step_by(self.rows)
    }

    fn block(&mut self, start: usize) -> Result<tch::Tensor, BlockError> {
        let range = start..(start + self.rows).min(self.samples);
        let rows = range.len();
        let block = (self.log_scores)(range)?;
        super::error::check_same(block.dims(), [rows, self.clusters], "log scores", AT)?;
        Ok(to_tch(&block).to_kind(Kind::Double))
    }
}

/// Running `log Σ exp` of each column.
struct Columns(tch::Tensor);

impl Columns {
    fn new(columns: usize, options: (Kind, tch::Device)) -> Self {
        Self(tch::Tensor::full(
            [columns as i64],
            f64::NEG_INFINITY,
            options,
        ))
    }

    fn add(&mut self, block: &tch::Tensor) {
        self.0 = self.0.logaddexp(&block.logsumexp([0], false));
    }

    fn over_ranks(&self, ranks: &Ranks) -> Result<tch::Tensor, BlockError> {
        if ranks.world_size() == 1 {
            return Ok(self.0.shallow_clone());
        }
        let largest = to_tch(&ranks.all_reduce_max::<1>(from_tch(self.0.shallow_clone()))?);
        let sum = sum_over_ranks(ranks, (&self.0 - &largest).exp())?;
        Ok(largest + sum.log())
    }
}

#[cfg(test)]
mod tests;
