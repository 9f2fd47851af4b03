//! What has to hold for balanced labels.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
use super::*;
use crate::blocks::sinkhorn;
use crate::blocks::testing::{close, cpu, matrix, values};
use crate::ranks::testing::on_ranks;

const PROBABILITIES: [[f32; 2]; 3] = [[0.7, 0.3], [0.6, 0.4], [0.55, 0.45]];
const SELA: Stop = Stop::Tolerance {
    tolerance: 0.1,
    check_every: 10,
    limit: 10_000,
};

fn sharp() -> Tensor<2> {
    matrix(PROBABILITIES).log() * 5.0
}

fn labels(balanced: &Balanced) -> Vec<i64> {
    balanced.labels.clone().try_into_vec_as().unwrap()
}

#[test]
fn equals_the_worked_example() {
    let rows = |range: Range<usize>| Ok(sharp().slice([range]));
    let found = label_balanced([3, 2], SELA, &Ranks::single(), rows).unwrap();
    assert_eq!(found.rounds, 11);
    assert_eq!(labels(&found), [0, 1, 1]);
    let soft = [
        0.869_490, 0.130_510, 0.422_454, 0.577_546, 0.208_057, 0.791_943,
    ];
    close(&values(found.soft(&sharp())), &soft, 2e-6);
}

#[test]
fn ranks_share_their_clusters() {
    let found = on_ranks(2, |ranks| {
        let first = 2 * ranks.rank();
        let samples = 2 - ranks.rank();
        let rows =
            |range: Range<usize>| Ok(sharp().slice_dim(0, first + range.start..first + range.end));
        let found = label_balanced([samples, 2], SELA, &ranks, rows).unwrap();
        (labels(&found), found.rounds)
    });
    assert_eq!(found, [(vec![0, 1], 11), (vec![1], 11)]);
}

#[test]
fn fixed_rounds_are_swavs_sinkhorn() {
    let scores = matrix([[0.5, 0.1], [0.4, 0.2], [0.3, 0.2]]);
    let rows = |range: Range<usize>| Ok(scores.clone().slice([range]) / 0.1);
    let found = label_balanced([3, 2], Stop::Rounds(3), &Ranks::single(), rows).unwrap();
    let batch = values(sinkhorn(scores.clone(), 0.1, 3, &Ranks::single()).unwrap());
    close(&values(found.soft(&(scores / 0.1))), &batch, 1e-6);
    assert_eq!(found.rounds, 3);
}

#[test]
fn many_blocks_equal_one() {
    let wave = (0..21)
        .map(|i| ((i * 7) as f32).sin() * 3.0)
        .collect::<Vec<_>>();
    let scores: Tensor<2> = Tensor::from_data(burn::tensor::TensorData::new(wave, [7, 3]), &cpu());
    let run = |block| {
        let rows = |range: Range<usize>| Ok(scores.clone().slice([range]));
        let found = in_blocks(block, [7, 3], Stop::Rounds(4), &Ranks::single(), rows).unwrap();
        (labels(&found), values(found.soft(&scores)))
    };
    let (labels, soft) = run(7);
    for block in [1, 2, 3] {
        let (other, other_soft) = run(block);
        assert_eq!(other, labels);
        close(&other_soft, &soft, 1e-7);
    }
}

#[test]
fn float32s_range_is_no_limit() {
    // softmax^25 of these is far below float32's smallest number.
    let log = matrix([[0.0, -40.0], [-1.0, -30.0], [-2.0, -50.0], [0.0, -45.0]]) * 25.0;
    let rows = |range: Range<usize>| Ok(log.clone().slice([range]));
    let found = label_balanced([4, 2], SELA, &Ranks::single(), rows).unwrap();
    assert_eq!(labels(&found), [1, 1, 0, 0]);
}

#[test]
fn what_is_not_a_number_is_refused() {
    let rows = |range: Range<usize>| Ok(matrix([[f32::NAN, 0.0], [1.0, 2.0]]).slice([range]));
    let error = label_balanced([2, 2], Stop::Rounds(2), &Ranks::single(), rows).unwrap_err();
    assert!(matches!(error, BlockError::NotFinite { .. }));
    let error =
        label_balanced([2, 0], Stop::Rounds(2), &Ranks::single(), |_| Ok(sharp())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected clusters of at least 1, found 0 (balanced labelling)"
    );
}
