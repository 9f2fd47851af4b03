//! What has to hold for BYOL beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_byol::{Byol, regression};
use ssl_plugin_kit::framework::Exported;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, context, double, matrix, one_step, relative,
    sample, values,
};

fn config() -> Value {
    json!({ "projector_hidden_dim": 7, "projector_dim": 4, "predictor_hidden_dim": 6 })
}

fn features() -> Inputs {
    vec![
        ("online.0", sample(8, 5, 0)),
        ("online.1", sample(8, 5, 1)),
        ("target.0", sample(8, 5, 2)),
        ("target.1", sample(8, 5, 3)),
    ]
}

#[test]
fn two_by_two_by_hand() {
    // Cosines 3/5 and 0: squared distances 2 − 6/5 and 2, mean 1.4.
    let p = matrix([[3.0, 4.0], [0.0, -2.0]]);
    let z = matrix([[2.0, 0.0], [5.0, 0.0]]);
    let loss = f64::from(values(regression(p, z))[0]);
    assert!((loss - 1.4).abs() < 1e-6, "found {loss}");
}

#[test]
fn gradient_is_the_central_difference() {
    let z = || double(&[0.4, -1.0, 0.7, 1.1, 0.2, -0.6], [2, 3]);
    check_gradient(&[0.3, -1.2, 0.7, 2.0, 0.1, -0.4], [2, 3], 1e-7, |p| {
        regression(p, z())
    });
}

#[test]
fn no_gradient_reaches_the_target() {
    let leaf = |a: [[f32; 2]; 2]| matrix(a).autodiff().require_grad();
    let (p, z) = (
        leaf([[3.0, 4.0], [0.0, -2.0]]),
        leaf([[2.0, 1.0], [5.0, 0.5]]),
    );
    let gradients = regression(p.clone(), z.clone()).backward();
    assert!(z.grad(&gradients).is_none() && p.grad(&gradients).is_some());
    let (outcome, _) = one_step::<Byol>(&config(), &features(), &Ranks::single());
    let names: Vec<_> = outcome.features.into_keys().collect();
    assert_eq!(names, ["online.0", "online.1"]);
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<Byol>(&config(), &features());
}

#[test]
fn views_may_change_places() {
    assert_views_may_change_places::<Byol>(&config(), &features());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<Byol>(&config(), features);
}

#[test]
fn the_target_starts_equal_and_follows_by_its_momentum() {
    let mut trial = Trial::start::<Byol>(&config(), context(5, 8), &Ranks::single()).unwrap();
    let name = "projector.0.weight";
    let online = trial.parameters().unwrap().remove(name).unwrap();
    let target = |trial: &mut Trial| {
        trial
            .state()
            .unwrap()
            .remove("target.projector.0.weight")
            .unwrap()
    };
    assert_eq!(target(&mut trial), online);
    let moved = &online + 1.0;
    trial.load(&[(name, &moved)], &[]).unwrap();
    trial.after_update(Some(0.75)).unwrap();
    let expected = online * 0.75 + moved * 0.25;
    assert!(relative(&target(&mut trial), &expected) < 1e-6);
}

#[test]
fn running_statistics_of_the_target_are_its_own() {
    let mut trial = Trial::start::<Byol>(&config(), context(5, 8), &Ranks::single()).unwrap();
    let features = features();
    let features: Vec<_> = features
        .iter()
        .map(|(name, tensor)| (*name, tensor))
        .collect();
    trial.step(&features).unwrap();
    let name = "target.projector.1.running_mean";
    let before = trial.state().unwrap().remove(name).unwrap();
    trial.after_update(Some(0.5)).unwrap();
    let state = trial.state().unwrap();
    assert_eq!(state[name], before, "momentum leaves buffers alone");
    assert!(relative(&before, &state["projector.1.running_mean"]) > 1e-2);
}

#[test]
fn a_batch_of_one_is_refused() {
    let mut trial = Trial::start::<Byol>(&config(), context(5, 1), &Ranks::single()).unwrap();
    let x = sample(1, 5, 0);
    let names = ["online.0", "online.1", "target.0", "target.1"];
    let fault = trial.step(&names.map(|name| (name, &x))).unwrap_err();
    assert_eq!(
        fault.message,
        "expected at least 2 rows for batch statistics, found 1 (batch norm)"
    );
}

#[test]
fn momentum_rises_from_its_start_to_one() {
    let description = Byol::description(&Value::Null).unwrap();
    let schedule = description.momentum.unwrap();
    assert!((schedule.after_step(0, 1000) - 0.996).abs() < 1e-12);
    assert!((schedule.after_step(500, 1000) - 0.998).abs() < 1e-12);
    assert!((schedule.after_step(1000, 1000) - 1.0).abs() < 1e-12);
    assert_eq!(description.validate(), Ok(()));
}
