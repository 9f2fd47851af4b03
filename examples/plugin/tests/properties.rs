//! What has to hold for the framework beside its golden file. `ssl-lottery conformance` tries the whole
//! plugin; these tests look at its formula.

use example_align_uniform::{AlignUniform, alignment, uniformity};
use serde_json::json;
use ssl_plugin_kit::testing::{
    Inputs, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, double, matrix, sample, values,
};

fn config() -> serde_json::Value {
    json!({ "projector_hidden_dim": 6, "projector_dim": 4 })
}

fn features() -> Inputs {
    vec![("online.0", sample(8, 5, 0)), ("online.1", sample(8, 5, 1))]
}

#[test]
fn views_that_coincide_are_aligned_and_opposite_ones_are_two_apart() {
    let x = || matrix([[1.0, 0.0], [0.0, 1.0]]);
    assert!(values(alignment(x(), x(), 2.0))[0] < 1e-12);
    assert!((values(alignment(x(), x() * -1.0, 1.0))[0] - 2.0).abs() < 1e-6);
}

#[test]
fn images_in_one_point_are_least_uniform() {
    let one_point = matrix([[1.0, 0.0], [1.0, 0.0]]);
    let opposite = matrix([[1.0, 0.0], [-1.0, 0.0]]);
    // exp(−t·0) and exp(−t·4), with t = 2.
    assert!(values(uniformity(one_point, 2.0))[0].abs() < 1e-6);
    assert!((values(uniformity(opposite, 2.0))[0] + 8.0).abs() < 1e-5);
}

#[test]
fn gradients_are_central_differences() {
    let y = || double(&[0.4, -1.0, 0.7, 1.1, 0.2, -0.6], [3, 2]);
    check_gradient(&[0.3, -1.2, 0.7, 2.0, 0.1, -0.4], [3, 2], 1e-6, |x| {
        alignment(x.clone(), y(), 1.5) + uniformity(x, 0.5)
    });
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<AlignUniform>(&config(), &features());
}

#[test]
fn views_may_change_places() {
    assert_views_may_change_places::<AlignUniform>(&config(), &features());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<AlignUniform>(&config(), features);
}
