//! What has to hold for SimCLR beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_plugin_kit::framework::{Config, Framework};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, context, double, matrix, one_step, sample,
    values,
};
use ssl_simclr::{SimClr, SimClrConfig, nt_xent};

fn config() -> Value {
    json!({ "projector_hidden_dim": 7, "projector_dim": 6, "temperature": 0.3 })
}

fn features() -> Inputs {
    vec![("online.0", sample(8, 5, 0)), ("online.1", sample(8, 5, 1))]
}

#[test]
fn two_by_two_by_hand() {
    // Unit rows: (1, 0), (0, 1) against (0.6, 0.8), (0, 1), temperature 1/2.
    let z_0 = matrix([[1.0, 0.0], [0.0, 1.0]]);
    let z_1 = matrix([[0.6, 0.8], [0.0, 1.0]]);
    let e = |cosine: f64| (2.0 * cosine).exp();
    // Positive, then the other view's rows and the own view's other row in the denominator.
    let terms = [
        (0.6, e(0.6) + e(0.0) + e(0.0)),
        (1.0, e(0.8) + e(1.0) + e(0.0)),
        (0.6, e(0.6) + e(0.8) + e(0.8)),
        (1.0, e(0.0) + e(1.0) + e(0.8)),
    ];
    let expected: f64 = terms
        .iter()
        .map(|(own, all)| all.ln() - 2.0 * own)
        .sum::<f64>()
        / 2.0;
    let loss = f64::from(values(nt_xent(z_0, z_1, 0.5, &Ranks::single()).unwrap())[0]);
    assert!(
        (loss - expected).abs() < 1e-6,
        "found {loss}, expected {expected}"
    );
}

#[test]
fn gradient_is_the_central_difference() {
    let other = || double(&[0.4, -1.0, 0.7, 1.1, 0.2, -0.6], [2, 3]);
    check_gradient(&[0.3, -1.2, 0.7, 2.0, 0.1, -0.4], [2, 3], 1e-7, |z| {
        nt_xent(z, other(), 0.7, &Ranks::single()).unwrap()
    });
    check_gradient(&[0.3, -1.2, 0.7, 2.0, 0.1, -0.4], [2, 3], 1e-7, |z| {
        nt_xent(other(), z, 0.7, &Ranks::single()).unwrap()
    });
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<SimClr>(&config(), &features());
}

#[test]
fn views_may_change_places() {
    assert_views_may_change_places::<SimClr>(&config(), &features());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<SimClr>(&config(), features);
}

#[test]
fn both_views_share_their_batch_statistics() {
    // Statistics of each view by itself would take an offset between the views away.
    let moved = vec![
        ("online.0", sample(8, 5, 0)),
        ("online.1", sample(8, 5, 1) + 10.0),
    ];
    let (plain, _) = one_step::<SimClr>(&config(), &features(), &Ranks::single());
    let (moved, _) = one_step::<SimClr>(&config(), &moved, &Ranks::single());
    assert!(
        (plain.loss - moved.loss).abs() > 1e-2,
        "{} and {}",
        plain.loss,
        moved.loss
    );
}

#[test]
fn a_batch_of_one_has_nothing_to_tell_apart() {
    let mut trial = Trial::start::<SimClr>(&config(), context(5, 1), &Ranks::single()).unwrap();
    let (a, b) = (sample(1, 5, 0), sample(1, 5, 1));
    let outcome = trial.step(&[("online.0", &a), ("online.1", &b)]).unwrap();
    assert!(outcome.loss.abs() < 1e-6, "found {}", outcome.loss);
}

#[test]
fn the_last_batch_norm_has_no_offset() {
    let mut trial = Trial::start::<SimClr>(&config(), context(5, 8), &Ranks::single()).unwrap();
    let names: Vec<_> = trial.parameters().unwrap().into_keys().collect();
    let expected = [
        "projector.0.weight",
        "projector.1.bias",
        "projector.1.weight",
        "projector.3.weight",
        "projector.4.weight",
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_description_agrees_with_itself() {
    let config = SimClrConfig::read(&Value::Null).unwrap();
    assert_eq!((config.projector_layers, config.temperature), (2, 0.1));
    let description = SimClr::describe(&config);
    assert_eq!(description.validate(), Ok(()));
    assert!((description.recipe.lr.peak(4096) - 4.8).abs() < 1e-12);
}

#[test]
fn a_misspelt_key_is_refused_with_the_nearest() {
    let fault = SimClrConfig::read(&json!({ "temperatur": 0.5 })).unwrap_err();
    assert_eq!(
        fault.message,
        "unknown key `temperatur`, did you mean `temperature`?"
    );
}
