//! What has to hold for Barlow Twins beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_barlow::{BarlowTwins, redundancy_reduction};
use ssl_plugin_kit::framework::Exported;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_loss, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, context, double, matrix, on_ranks, one_step,
    sample, values,
};

fn config() -> Value {
    json!({ "projector_dims": [7, 6], "lambda": 0.3 })
}

fn features() -> Inputs {
    vec![("online.0", sample(8, 5, 0)), ("online.1", sample(8, 5, 1))]
}

#[test]
fn two_by_two_by_hand() {
    // C = [[1·1 + 2·0, 1·3 − 2·1], [−1·1 + 0.5·0, −1·3 − 0.5·1]] / 2 = [[0.5, 0.5], [−0.5, −1.75]].
    let u_0 = matrix([[1.0, -1.0], [2.0, 0.5]]);
    let u_1 = matrix([[1.0, 3.0], [0.0, -1.0]]);
    let loss = redundancy_reduction(u_0, u_1, 0.1, &Ranks::single()).unwrap();
    let expected = 0.25 + 2.75 * 2.75 + 0.1 * (0.25 + 0.25);
    assert!((values(loss)[0] - expected).abs() < 1e-5);
}

#[test]
fn perfect_decorrelation_gives_zero() {
    // Columns (1, 1, −1, −1) and (1, −1, 1, −1): their correlation is the identity.
    let u = || matrix([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]);
    let loss = redundancy_reduction(u(), u(), 0.0051, &Ranks::single()).unwrap();
    assert_eq!(values(loss), [0.0]);
}

#[test]
fn gradient_is_the_central_difference() {
    let other = || double(&[0.4, -1.0, 0.7, 1.1, 0.2, -0.6], [3, 2]);
    let at = [0.3, -1.2, 0.7, 2.0, 0.1, -0.4];
    let loss = |a, b| redundancy_reduction(a, b, 0.3, &Ranks::single()).unwrap();
    check_gradient(&at, [3, 2], 1e-7, |u| loss(u, other()));
    check_gradient(&at, [3, 2], 1e-7, |u| loss(other(), u));
}

#[test]
fn a_scale_and_an_offset_of_one_view_change_nothing() {
    let moved = vec![
        ("online.0", sample(8, 5, 0)),
        ("online.1", sample(8, 5, 1) * 3.0 + 10.0),
    ];
    let (plain, _) = one_step::<BarlowTwins>(&config(), &features(), &Ranks::single());
    let (moved, _) = one_step::<BarlowTwins>(&config(), &moved, &Ranks::single());
    // Up to the constant under the root of the variance.
    assert!(
        (plain.loss / moved.loss - 1.0).abs() < 1e-3,
        "{} and {}",
        plain.loss,
        moved.loss
    );
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<BarlowTwins>(&config(), &features());
}

#[test]
fn views_may_change_places() {
    assert_views_may_change_places::<BarlowTwins>(&config(), &features());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<BarlowTwins>(&config(), features);
}

#[test]
fn every_rank_holds_the_whole_loss() {
    let (whole, _) = one_step::<BarlowTwins>(&config(), &features(), &Ranks::single());
    let losses = on_ranks(2, |ranks| {
        let half = |t: tch::Tensor| t.narrow(0, 4 * ranks.rank() as i64, 4).contiguous();
        let own = features().into_iter().map(|(name, t)| (name, half(t)));
        one_step::<BarlowTwins>(&config(), &own.collect(), &ranks)
            .0
            .loss
    });
    for loss in losses {
        assert_loss(loss, whole.loss);
    }
}

#[test]
fn a_batch_of_one_is_refused() {
    let config = json!({ "projector_dims": [6] });
    let mut trial = Trial::start::<BarlowTwins>(&config, context(5, 1), &Ranks::single()).unwrap();
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
fn nothing_of_the_normalisation_is_trained() {
    let mut trial =
        Trial::start::<BarlowTwins>(&config(), context(5, 8), &Ranks::single()).unwrap();
    let parameters: Vec<_> = trial.parameters().unwrap().into_keys().collect();
    let expected = [
        "projector.0.weight",
        "projector.1.bias",
        "projector.1.weight",
        "projector.3.weight",
    ];
    assert_eq!(parameters, expected);
    assert!(trial.state().unwrap().contains_key("bn.running_var"));
}

#[test]
fn biases_learn_at_a_rate_of_their_own() {
    let description = BarlowTwins::description(&Value::Null).unwrap();
    assert_eq!(description.validate(), Ok(()));
    let [rule] = &description.recipe.groups[..] else {
        panic!("expected one rule")
    };
    let rate = rule.lr_scale.unwrap() * description.recipe.lr.peak(2048);
    assert!((rate - 0.0048 * 8.0).abs() < 1e-12, "found {rate}");
    assert_eq!(
        (rule.max_ndim, rule.decay, rule.trust),
        (Some(1), Some(false), Some(false))
    );
}
