//! What has to hold for cross-entropies.

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

#[test]
fn views_share_targets() {
    let rows = [
        [0.3, -1.2, 0.7],
        [2.0, 0.1, -0.4],
        [1.5, 0.2, -0.9],
        [0.0, 0.6, 0.4],
    ];
    let part = |first: usize| matrix([rows[first], rows[first + 1]]);
    let target = || matrix([[0.2, 0.3, 0.5], [0.1, 0.9, 0.0]]);
    let both = soft_cross_entropy_by_view(matrix(rows), &[target(), target()]).unwrap();
    let apart = [0, 2].map(|first| values(soft_cross_entropy(part(first), target()).unwrap())[0]);
    close(&values(both), &[(apart[0] + apart[1]) / 2.0], 1e-6);
    assert!(soft_cross_entropy_by_view(matrix(rows), &[target(), target(), target()]).is_err());
}

#[test]
fn a_view_is_not_compared_with_its_own_target() {
    let at: Vec<f64> = (0..12).map(|i| f64::from(i * 7 % 5) * 0.4 - 0.7).collect();
    let targets = || {
        let first = double(&[0.2, 0.8, 0.5, 0.5], [2, 2]);
        let last = double(&[0.9, 0.1, 0.3, 0.7], [2, 2]);
        [(0, first), (2, last)]
    };
    let loss = |logits: Tensor<2>| swapped_cross_entropy(logits, &targets(), 3).unwrap();
    let logits = || double(&at, [6, 2]);
    let pairs = [(0, 1), (0, 2), (1, 0), (1, 1)].map(|(target, view)| {
        let view = logits().narrow(0, 2 * view, 2);
        values(soft_cross_entropy(view, targets()[target].1.clone()).unwrap())[0]
    });
    close(
        &values(loss(logits())),
        &[pairs.iter().sum::<f32>() / 4.0],
        1e-6,
    );
    check_gradient(&at, [6, 2], 1e-8, loss);
}
