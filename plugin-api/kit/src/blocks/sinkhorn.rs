//! Sinkhorn–Knopp over a batch: scores into codes that use all prototypes alike.

use super::error::BlockError;
use crate::bridge::{from_tch, to_tch};
use crate::ranks::Ranks;
use burn::tensor::Tensor;
use ssl_plugin_api::export::called;

/// Balanced codes of a batch, without gradient.
///
/// `Q = exp(scores/ε)`, then `rounds` times: each prototype's entries are divided by their sum over all samples of
/// all ranks, then each sample's entries by their sum. Samples come last, so every row of the result sums to 1.
/// The published form also divides by the total, by the number of prototypes and of samples, which cancels.
///
/// The largest score of all ranks is subtracted first: it cancels too and keeps `exp` in range. Scores further
/// than `87 ε` below it count as zero in float32.
///
/// ```
/// use ssl_plugin_kit::{blocks::sinkhorn, ranks::Ranks, testing::{close, matrix, values}};
///
/// let scores = matrix([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]);
/// let codes = sinkhorn(scores, 0.05, 3, &Ranks::single()).unwrap();
/// close(&values(codes.sum_dim(1)), &[1.0; 3], 1e-6);
/// ```
///
/// # Shapes
/// - `scores`: `[samples, prototypes]`, this rank's samples
/// - returns `[samples, prototypes]`
///
/// # Errors
/// [`BlockError::Setting`] unless `epsilon > 0` and `rounds ≥ 1`, [`BlockError::Shape`] without samples or
/// prototypes, [`BlockError::Collective`] when the ranks do not reach each other.
///
/// # Source
/// SwAV (arXiv:2006.09882), `main_swav.py:distributed_sinkhorn`; defaults there: ε 0.05, 3 rounds.
#[track_caller]
pub fn sinkhorn(
    scores: Tensor<2>,
    epsilon: f64,
    rounds: usize,
    ranks: &Ranks,
) -> Result<Tensor<2>, BlockError> {
    const AT: &str = "sinkhorn";
    let _call = called();
    if !(epsilon > 0.0 && epsilon.is_finite()) {
        return Err(BlockError::Setting {
            what: "epsilon",
            expected: "in (0, inf)".to_owned(),
            found: epsilon.to_string(),
            at: AT,
        });
    }
    if rounds == 0 {
        return Err(BlockError::Setting {
            what: "rounds",
            expected: "of at least 1".to_owned(),
            found: "0".to_owned(),
            at: AT,
        });
    }
    if scores.dims().contains(&0) {
        return Err(BlockError::Shape {
            what: "scores",
            expected: "[samples >= 1, prototypes >= 1]".to_owned(),
            found: scores.dims().to_vec(),
            at: AT,
        });
    }
    let scores = to_tch(&scores);
    let largest: Tensor<1> = ranks.all_reduce_max(from_tch(scores.max().reshape(1)))?;
    // From here on in place, on a tensor of our own.
    let mut q = scores - to_tch(&largest);
    q = q.g_div_scalar_(epsilon).exp_();
    for _ in 0..rounds {
        let per_prototype: Tensor<2> = from_tch(q.sum_dim_intlist(0, true, None));
        let per_prototype = to_tch(&ranks.all_reduce_sum(per_prototype)?);
        q = divided(q, &per_prototype);
        let per_sample = q.sum_dim_intlist(1, true, None);
        q = divided(q, &per_sample);
    }
    Ok(from_tch(q))
}

/// In place; what sums to nothing stays nothing.
fn divided(mut q: tch::Tensor, sums: &tch::Tensor) -> tch::Tensor {
    q.g_div_(&sums.clamp_min(f64::from(f32::MIN_POSITIVE)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{close, matrix, values};
    use crate::ranks::testing::on_ranks;

    const SCORES: [[f32; 2]; 3] = [[0.5, 0.1], [0.4, 0.2], [0.3, 0.2]];
    const CODES: [f32; 6] = [0.846317, 0.153683, 0.427025, 0.572975, 0.215177, 0.784823];

    #[test]
    fn equals_the_worked_example() {
        close(
            &values(sinkhorn(matrix(SCORES), 0.1, 3, &Ranks::single()).unwrap()),
            &CODES,
            2e-6,
        );
    }

    #[test]
    fn one_round_by_hand() {
        // exp: (4, 1), (1, 1). Prototypes: (4/5, 1/2), (1/5, 1/2). Samples: (8/13, 5/13), (2/7, 5/7).
        let scores = matrix([[4_f32.ln(), 0.0], [0.0, 0.0]]);
        let codes = values(sinkhorn(scores, 1.0, 1, &Ranks::single()).unwrap());
        close(
            &codes,
            &[8.0 / 13.0, 5.0 / 13.0, 2.0 / 7.0, 5.0 / 7.0],
            1e-6,
        );
    }

    #[test]
    fn ranks_share_their_sums_and_their_largest_score() {
        let codes = on_ranks(2, |ranks| {
            let rows = if ranks.rank() == 0 {
                vec![SCORES[0], SCORES[1]]
            } else {
                vec![SCORES[2]]
            };
            let scores = Tensor::cat(rows.into_iter().map(|row| matrix([row])).collect(), 0);
            values(sinkhorn(scores, 0.1, 3, &ranks).unwrap())
        });
        close(&codes.concat(), &CODES, 2e-6);
    }

    #[test]
    fn large_scores_overflow_nothing() {
        let moved = SCORES.map(|row| row.map(|s| s + 1000.0));
        let codes = values(sinkhorn(matrix(moved), 0.1, 3, &Ranks::single()).unwrap());
        close(&codes, &CODES, 2e-3); // 1000.1 has lost digits in float32
        let codes = values(
            sinkhorn(
                matrix([[0.0, -1e6], [0.0, -1e6]]),
                0.05,
                3,
                &Ranks::single(),
            )
            .unwrap(),
        );
        assert_eq!(codes, [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn the_scores_stay_untouched_and_get_no_gradient() {
        let scores = matrix(SCORES).autodiff().require_grad();
        let codes = sinkhorn(scores.clone(), 0.1, 3, &Ranks::single()).unwrap();
        assert!(!codes.is_autodiff());
        assert_eq!(values(scores), SCORES.concat());
    }

    #[test]
    fn settings_are_checked() {
        let error = |epsilon, rounds| {
            sinkhorn(matrix(SCORES), epsilon, rounds, &Ranks::single()).unwrap_err()
        };
        assert_eq!(
            error(0.0, 3).to_string(),
            "expected epsilon in (0, inf), found 0 (sinkhorn)"
        );
        assert_eq!(
            error(0.1, 0).to_string(),
            "expected rounds of at least 1, found 0 (sinkhorn)"
        );
        assert!(matches!(error(f64::NAN, 3), BlockError::Setting { .. }));
    }
}
