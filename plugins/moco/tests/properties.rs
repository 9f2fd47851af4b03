//! What has to hold for MoCo beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_moco::{Moco, V2Config, V3Config, in_batch_contrast};
use ssl_plugin_kit::api::description::{BatchNormScope, Encoder};
use ssl_plugin_kit::framework::{Config, Exported};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, context, double, matrix, relative, sample,
    values,
};

fn v2() -> Value {
    json!({ "projector_hidden_dim": 7, "projector_dim": 6, "queue_size": 24 })
}

fn v3() -> Value {
    json!({
        "version": "v3", "projector_hidden_dim": 7, "projector_dim": 6,
        "predictor_hidden_dim": 9, "temperature": 0.3,
    })
}

fn one_sided() -> Inputs {
    vec![("online.0", sample(8, 5, 0)), ("target.1", sample(8, 5, 1))]
}

fn symmetric() -> Inputs {
    ["online.0", "online.1", "target.0", "target.1"]
        .into_iter()
        .zip(0..)
        .map(|(name, seed)| (name, sample(8, 5, seed)))
        .collect()
}

fn start(config: &Value, batch: usize) -> Trial {
    Trial::start::<Moco>(config, context(5, batch), &Ranks::single()).unwrap()
}

#[test]
fn two_by_two_by_hand() {
    // Products [[0.6, 0], [0.8, 1]], temperature 1/2, factor 2τ = 1.
    let q = matrix([[1.0, 0.0], [0.0, 1.0]]);
    let k = matrix([[0.6, 0.8], [0.0, 1.0]]);
    let loss = values(in_batch_contrast(q, k, 0.5, &Ranks::single()).unwrap())[0];
    let row = |own: f32, other: f32| (own.exp() + other.exp()).ln() - own;
    let expected = (row(1.2, 0.0) + row(2.0, 1.6)) / 2.0;
    assert!(
        (loss - expected).abs() < 1e-6,
        "found {loss}, expected {expected}"
    );
}

#[test]
fn gradient_of_the_queries_is_the_central_difference() {
    let k = || double(&[0.8, 0.6, 0.0, 1.0, -0.6, 0.8], [3, 2]);
    let at = [1.0, 0.0, 0.6, 0.8, -0.28, 0.96];
    check_gradient(&at, [3, 2], 1e-8, |q| {
        in_batch_contrast(q, k(), 0.3, &Ranks::single()).unwrap()
    });
}

#[test]
fn keys_get_no_gradient() {
    let leaf = || matrix([[1.0, 0.0], [0.6, 0.8]]).autodiff().require_grad();
    let (q, k) = (leaf(), leaf());
    let loss = in_batch_contrast(q.clone(), k.clone(), 0.3, &Ranks::single()).unwrap();
    let gradients = loss.backward();
    assert!(q.grad(&gradients).is_some() && k.grad(&gradients).is_none());
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<Moco>(&v2(), &one_sided());
    assert_order_does_not_matter::<Moco>(&v3(), &symmetric());
}

#[test]
fn views_of_v3_may_change_places() {
    assert_views_may_change_places::<Moco>(&v3(), &symmetric());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<Moco>(&v2(), one_sided);
    assert_two_ranks_equal_the_whole::<Moco>(&v3(), symmetric);
}

#[test]
fn the_queue_is_a_ring_of_unit_columns() {
    let mut trial = start(&v2(), 8);
    let queue = |trial: &mut Trial| trial.state().unwrap()["queue"].copy();
    let first = queue(&mut trial);
    for (n, ptr) in [(1, 8), (2, 16), (3, 0), (4, 8)] {
        let before = queue(&mut trial);
        let (x, y) = (sample(8, 5, 2 * n), sample(8, 5, 2 * n + 1));
        trial.step(&[("online.0", &x), ("target.1", &y)]).unwrap();
        let after = queue(&mut trial);
        let moved = (&after - &before).abs().sum_dim_intlist(0, false, None);
        let moved: Vec<bool> = Vec::try_from(moved.gt(0.0)).unwrap();
        let start = (8 * (n as usize - 1)) % 24;
        let expected: Vec<bool> = (0..24).map(|c| (start..start + 8).contains(&c)).collect();
        assert_eq!(moved, expected, "step {n}");
        let state = trial.state().unwrap();
        assert_eq!(state["queue_ptr"].int64_value(&[0]), ptr);
        let lengths = after.square().sum_dim_intlist(0, false, None);
        assert!((lengths - 1.0).abs().max().double_value(&[]) < 1e-5);
    }
    assert!((queue(&mut trial) - first).abs().min().double_value(&[]) > 0.0);
}

#[test]
fn the_loss_sees_the_queue_before_its_own_keys() {
    // A queue whose columns are all opposite to the keys leaves only the positive: a loss near 0.
    // With the keys in it first, each would meet itself and all others.
    let config =
        json!({ "projector_layers": 1, "projector_dim": 5, "queue_size": 8, "temperature": 0.05 });
    let mut trial = start(&config, 8);
    let kind = (tch::Kind::Float, tch::Device::Cpu);
    let (eye, zero) = (tch::Tensor::eye(5, kind), tch::Tensor::zeros([5], kind));
    let x = sample(8, 5, 0).abs();
    let queue = -(&x / x.square().sum_dim_intlist(1, true, None).sqrt())
        .transpose(0, 1)
        .contiguous();
    let weights = [("projector.0.weight", &eye), ("projector.0.bias", &zero)];
    let state = [
        ("queue", &queue),
        ("target.projector.0.weight", &eye),
        ("target.projector.0.bias", &zero),
    ];
    trial.load(&weights, &state).unwrap();
    let loss = trial
        .step(&[("online.0", &x), ("target.1", &x)])
        .unwrap()
        .loss;
    assert!(loss < 1e-6, "found {loss}");
}

#[test]
fn the_copy_starts_equal_and_follows_in_weights_only() {
    let mut trial = start(&v3(), 8);
    let list = symmetric();
    let features: Vec<_> = list.iter().map(|(n, t)| (*n, t)).collect();
    trial.step(&features).unwrap();
    let (weights, before) = (trial.parameters().unwrap(), trial.state().unwrap());
    let name = "projector.0.weight";
    assert_eq!(
        relative(&before[&format!("target.{name}")], &weights[name]),
        0.0
    );
    let moved = &weights[name] * 3.0;
    trial.load(&[(name, &moved)], &[]).unwrap();
    trial.after_update(Some(0.75)).unwrap();
    let after = trial.state().unwrap();
    // 0.75 w + 0.25 · 3 w.
    let expected = &weights[name] * 1.5;
    assert!(relative(&after[&format!("target.{name}")], &expected) < 1e-6);
    for statistic in ["projector.1.running_mean", "projector.4.running_var"] {
        let own = &after[&format!("target.{statistic}")];
        assert_eq!(relative(own, &before[&format!("target.{statistic}")]), 0.0);
        assert!(
            relative(own, &after[statistic]) > 1e-3,
            "{statistic} was averaged"
        );
    }
}

#[test]
fn one_layer_is_the_head_of_v1() {
    let mut trial = start(&json!({ "projector_layers": 1, "queue_size": 24 }), 8);
    let names: Vec<_> = trial.parameters().unwrap().into_keys().collect();
    assert_eq!(names, ["projector.0.bias", "projector.0.weight"]);
}

#[test]
fn a_batch_of_one_has_its_queue_but_no_statistics() {
    let (x, y) = (sample(1, 5, 0), sample(1, 5, 1));
    let outcome = start(&v2(), 1)
        .step(&[("online.0", &x), ("target.1", &y)])
        .unwrap();
    assert!(outcome.loss.is_finite() && outcome.loss > 0.0);
    let features = [
        ("online.0", &x),
        ("online.1", &y),
        ("target.0", &x),
        ("target.1", &y),
    ];
    let fault = start(&v3(), 1).step(&features).unwrap_err();
    assert_eq!(
        fault.message,
        "expected at least 2 rows for batch statistics, found 1 (batch norm)"
    );
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    let refusal = |config: Value| {
        let trial = Trial::start::<Moco>(&config, context(5, 8), &Ranks::single());
        trial.err().unwrap().message
    };
    assert_eq!(
        refusal(json!({ "queue_size": 20 })),
        "`queue_size`: expected a multiple of the global batch of 8, found 20"
    );
    assert_eq!(
        refusal(json!({ "version": "v3", "queue_size": 24 })),
        "`queue_size`: expected null with version v3, which has no such thing, found a value"
    );
    assert_eq!(
        refusal(json!({ "predictor_last_bn": false })),
        "`predictor_last_bn`: expected null with version v2, which has no such thing, found a value"
    );
    assert!(refusal(json!({ "version": "v4" })).contains("one of v2, v3"));
}

#[test]
fn versions_have_defaults_of_their_own() {
    let two = V2Config::read(&Value::Null).unwrap();
    let three = V3Config::read(&Value::Null).unwrap();
    assert_eq!(
        (two.queue_size, two.projector_dim, two.temperature),
        (65536, 128, 0.2)
    );
    assert_eq!((three.projector_dim, three.temperature), (256, 1.0));
    let momentum = |config: Value| Moco::description(&config).unwrap().momentum.unwrap();
    let (two, three) = (
        momentum(Value::Null),
        momentum(json!({ "version": "v3", "queue_size": null })),
    );
    assert_eq!(two.after_step(5, 10), 0.999);
    // After step s comes step s + 1, whose momentum the official code uses.
    let expected = 1.0 - 0.01 * (1.0 + (0.1 * std::f64::consts::PI).cos()) / 2.0;
    assert!((three.after_step(0, 10) - expected).abs() < 1e-12);
}

#[test]
fn v2_asks_for_one_view_of_each_encoder() {
    let describe = |config: Value| Moco::description(&config).unwrap();
    let (two, three) = (describe(v2()), describe(v3()));
    assert_eq!((two.validate(), three.validate()), (Ok(()), Ok(())));
    let asked: Vec<_> = two
        .encoders
        .iter()
        .map(|r| (r.encoder, r.views.clone(), r.scope))
        .collect();
    let expected = [
        (Encoder::Online, vec![0], BatchNormScope::PerRank),
        (Encoder::Target, vec![1], BatchNormScope::Shuffled),
    ];
    assert_eq!(asked, expected);
    assert!(two.recipe.groups.is_empty());
    assert_eq!(
        three.encoders.iter().map(|r| r.views.len()).sum::<usize>(),
        4
    );
}
