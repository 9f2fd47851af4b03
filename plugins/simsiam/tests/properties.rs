//! What has to hold for SimSiam beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_plugin_kit::framework::Exported;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, context, double, matrix, one_step, sample,
    values,
};
use ssl_simsiam::{SimSiam, negative_cosine};

fn config() -> Value {
    json!({ "projector_dim": 6, "predictor_hidden_dim": 4 })
}

fn features() -> Inputs {
    vec![("online.0", sample(8, 5, 0)), ("online.1", sample(8, 5, 1))]
}

#[test]
fn two_by_two_by_hand() {
    // Cosines 3/5 and 0, then −1 and 5/13.
    let p = [
        matrix([[3.0, 4.0], [1.0, 0.0]]),
        matrix([[0.0, -2.0], [5.0, 12.0]]),
    ];
    let z = [
        matrix([[0.0, 1.0], [1.0, 0.0]]),
        matrix([[1.0, 0.0], [0.0, 2.0]]),
    ];
    let loss = values(negative_cosine(p, z).unwrap())[0];
    let expected = -0.5 * (0.3 - 4.0 / 13.0);
    assert!(
        (loss - expected).abs() < 1e-7,
        "found {loss}, expected {expected}"
    );
}

#[test]
fn predictions_that_point_the_same_way_give_minus_one() {
    let p = || matrix([[3.0, 4.0], [-1.0, 2.0]]);
    let z = || matrix([[6.0, 8.0], [-0.5, 1.0]]);
    let loss = values(negative_cosine([p(), p()], [z(), z()]).unwrap())[0];
    assert!((loss + 1.0).abs() < 1e-6, "found {loss}");
}

#[test]
fn gradient_of_the_predictions_is_the_central_difference() {
    let fixed = || double(&[0.4, -1.0, 0.7, 1.1, 0.2, -0.6], [2, 3]);
    let z = || [double(&[1.0, 0.5, -0.2, 0.3, -0.8, 0.1], [2, 3]), fixed()];
    check_gradient(&[0.3, -1.2, 0.7, 2.0, 0.1, -0.4], [2, 3], 1e-7, |p| {
        negative_cosine([p, fixed()], z()).unwrap()
    });
}

#[test]
fn no_gradient_reaches_the_projections() {
    let leaf = |row| matrix([row, [0.5, -1.0]]).autodiff().require_grad();
    let (p_0, p_1) = (leaf([3.0, 4.0]), leaf([0.0, -2.0]));
    let (z_0, z_1) = (leaf([1.0, 1.0]), leaf([1.0, 0.0]));
    let loss = negative_cosine([p_0.clone(), p_1.clone()], [z_0.clone(), z_1.clone()]).unwrap();
    let gradients = loss.backward();
    assert!(z_0.grad(&gradients).is_none() && z_1.grad(&gradients).is_none());
    assert!(p_0.grad(&gradients).is_some() && p_1.grad(&gradients).is_some());
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<SimSiam>(&config(), &features());
}

#[test]
fn views_may_change_places() {
    assert_views_may_change_places::<SimSiam>(&config(), &features());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<SimSiam>(&config(), features);
}

#[test]
fn each_view_has_batch_statistics_of_its_own() {
    // In one pass over both views the offset between them would stay in the projections.
    let moved = vec![
        ("online.0", sample(8, 5, 0)),
        ("online.1", sample(8, 5, 1) + 10.0),
    ];
    let (plain, _) = one_step::<SimSiam>(&config(), &features(), &Ranks::single());
    let (moved, _) = one_step::<SimSiam>(&config(), &moved, &Ranks::single());
    assert!(
        (plain.loss - moved.loss).abs() < 1e-4,
        "{} and {}",
        plain.loss,
        moved.loss
    );
}

#[test]
fn a_batch_of_one_is_refused() {
    let mut trial = Trial::start::<SimSiam>(&config(), context(5, 1), &Ranks::single()).unwrap();
    let x = sample(1, 5, 0);
    let fault = trial
        .step(&[("online.0", &x), ("online.1", &x)])
        .unwrap_err();
    assert_eq!(
        fault.message,
        "expected at least 2 rows for batch statistics, found 1 (batch norm)"
    );
}

#[test]
fn only_the_predictor_keeps_its_learning_rate() {
    let describe = |config: Value| SimSiam::description(&config).unwrap();
    let on = describe(Value::Null);
    assert_eq!(on.validate(), Ok(()));
    let [rule] = &on.recipe.groups[..] else {
        panic!("expected one rule")
    };
    assert_eq!(rule.name.as_deref(), Some(r"^predictor\."));
    assert_eq!(
        (rule.constant_lr, rule.lr_scale, rule.decay),
        (Some(true), None, None)
    );
    let off = describe(json!({ "constant_predictor_lr": false }));
    assert!(off.recipe.groups.is_empty());
}
