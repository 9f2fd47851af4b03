//! What has to hold for VICReg beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_plugin_kit::framework::Exported;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, context, double, matrix, sample, values,
};
use ssl_vicreg::{Coefficients, VicReg, covariance, invariance, variance, vicreg};

const COEFFICIENTS: Coefficients = Coefficients {
    sim: 25.0,
    std: 20.0,
    cov: 1.5,
    variance_eps: 1e-4,
};

fn config() -> Value {
    json!({ "projector_dims": [7, 6], "sim_coeff": 10.0, "std_coeff": 5.0, "cov_coeff": 0.5 })
}

fn features() -> Inputs {
    vec![("online.0", sample(8, 5, 0)), ("online.1", sample(8, 5, 1))]
}

#[test]
fn the_terms_by_hand() {
    // Columns (0.3, −0.3) and (0.4, −0.4): variances 0.18 and 0.32, covariance 0.24, divisor 1.
    let z = || matrix([[0.3, 0.4], [-0.3, -0.4]]);
    let root = |var: f32| (var + 1e-4).sqrt();
    let std = ((1.0 - root(0.18)) + (1.0 - root(0.32))) / 2.0;
    assert!((values(variance(z(), 1e-4))[0] - std).abs() < 1e-6);
    let cov = 2.0 * 0.24 * 0.24 / 2.0;
    assert!((values(covariance(z()))[0] - cov).abs() < 1e-7);
    let other = matrix([[0.3, 0.0], [0.7, -0.4]]);
    let sim = (0.16 + 1.0) / 4.0;
    assert!((values(invariance(z(), other).unwrap())[0] - sim).abs() < 1e-7);
}

#[test]
fn the_loss_weighs_the_terms() {
    let z = || matrix([[1.3, 0.4], [0.7, -0.4]]);
    let centred = || matrix([[0.3, 0.4], [-0.3, -0.4]]);
    // The same view twice: no invariance, the mean of two variances, the sum of two covariances.
    let loss = values(vicreg(z(), z(), COEFFICIENTS, &Ranks::single()).unwrap())[0];
    let expected =
        20.0 * values(variance(centred(), 1e-4))[0] + 3.0 * values(covariance(centred()))[0];
    assert!(
        (loss - expected).abs() < 1e-5,
        "found {loss}, expected {expected}"
    );
}

#[test]
fn a_spread_above_one_is_not_punished() {
    assert_eq!(
        values(variance(matrix([[2.0, -1.5], [-2.0, 1.5]]), 1e-4)),
        [0.0]
    );
}

#[test]
fn gradient_is_the_central_difference() {
    let other = || double(&[0.4, -1.0, 0.7, 1.1, 0.2, -0.6], [3, 2]);
    // One column below, one above the hinge.
    let at = [0.3, -1.2, 0.7, 2.0, 0.1, -0.4];
    let loss = |a, b| vicreg(a, b, COEFFICIENTS, &Ranks::single()).unwrap();
    check_gradient(&at, [3, 2], 1e-7, |z| loss(z, other()));
    check_gradient(&at, [3, 2], 1e-7, |z| loss(other(), z));
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<VicReg>(&config(), &features());
}

#[test]
fn views_may_change_places() {
    assert_views_may_change_places::<VicReg>(&config(), &features());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<VicReg>(&config(), features);
}

#[test]
fn a_batch_of_one_is_refused() {
    let config = json!({ "projector_dims": [6] });
    let mut trial = Trial::start::<VicReg>(&config, context(5, 1), &Ranks::single()).unwrap();
    let x = sample(1, 5, 0);
    let fault = trial
        .step(&[("online.0", &x), ("online.1", &x)])
        .unwrap_err();
    assert_eq!(
        fault.message,
        "expected at least 2 rows for batch statistics, found 1 (variance and covariance)"
    );
}

#[test]
fn every_linear_but_the_last_has_a_bias() {
    let mut trial = Trial::start::<VicReg>(&config(), context(5, 8), &Ranks::single()).unwrap();
    let parameters: Vec<_> = trial.parameters().unwrap().into_keys().collect();
    let expected = [
        "projector.0.bias",
        "projector.0.weight",
        "projector.1.bias",
        "projector.1.weight",
        "projector.3.weight",
    ];
    assert_eq!(parameters, expected);
}

#[test]
fn the_description_is_sound() {
    let description = VicReg::description(&Value::Null).unwrap();
    assert_eq!(description.validate(), Ok(()));
    assert_eq!(description.view_count(), 2);
    assert!((description.recipe.lr.peak(2048) - 1.6).abs() < 1e-12);
}
