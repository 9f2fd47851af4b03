//! What has to hold for SwAV beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::swapped_cross_entropy;
use ssl_plugin_kit::framework::{Config, Framework};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, context, double, matrix, one_step, relative,
    sample, values,
};
use ssl_swav::{Swav, SwavConfig};

fn config() -> Value {
    json!({
        "num_crops": [2], "projector_hidden_dim": 7, "projector_dim": 4, "num_prototypes": 6,
        "queue_size": 16, "queue_start_epoch": 1,
    })
}

fn features() -> Inputs {
    vec![("online.0", sample(8, 5, 0)), ("online.1", sample(8, 5, 1))]
}

#[test]
fn two_by_two_by_hand() {
    let scores = [
        matrix([[1.0, 0.0], [0.0, 2.0]]),
        matrix([[0.5, 0.0], [1.0, 0.0]]),
    ];
    let codes = [
        (0, matrix([[0.75, 0.25], [0.0, 1.0]])),
        (1, matrix([[1.0, 0.0], [0.5, 0.5]])),
    ];
    // −log softmax of (a, b) at place one is log(1 + e^(b − a)); the temperature of 1/2 doubles scores.
    let l = |own: f64, other: f64| (1.0 + (2.0 * (other - own)).exp()).ln();
    let first = (0.75 * l(0.5, 0.0) + 0.25 * l(0.0, 0.5) + l(0.0, 1.0)) / 2.0;
    let second = (l(1.0, 0.0) + 0.5 * l(0.0, 2.0) + 0.5 * l(2.0, 0.0)) / 2.0;
    let logits = Tensor::cat(scores.into(), 0) * 2.0;
    let loss = f64::from(values(swapped_cross_entropy(logits, &codes, 2).unwrap())[0]);
    let expected = (first + second) / 2.0;
    assert!(
        (loss - expected).abs() < 1e-6,
        "found {loss}, expected {expected}"
    );
}

#[test]
fn gradient_is_the_central_difference() {
    let codes = || {
        [
            (0, double(&[0.7, 0.3, 0.1, 0.9], [2, 2])),
            (1, double(&[0.5, 0.5, 1.0, 0.0], [2, 2])),
        ]
    };
    let other = || double(&[0.4, -1.0, 0.7, 1.1], [2, 2]);
    check_gradient(&[0.3, -1.2, 0.7, 2.0], [2, 2], 1e-7, |s| {
        swapped_cross_entropy(Tensor::cat(vec![s, other()], 0) / 0.4, &codes(), 2).unwrap()
    });
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<Swav>(&config(), &features());
}

#[test]
fn views_may_change_places() {
    assert_views_may_change_places::<Swav>(&config(), &features());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<Swav>(&config(), features);
}

#[test]
fn prototypes_are_unit_rows_after_a_step() {
    let mut trial = Trial::start::<Swav>(&config(), context(5, 8), &Ranks::single()).unwrap();
    let long = sample(6, 4, 9);
    trial.load(&[("prototypes.weight", &long)], &[]).unwrap();
    let features = features();
    trial
        .step(&[("online.0", &features[0].1), ("online.1", &features[1].1)])
        .unwrap();
    let rows = trial
        .parameters()
        .unwrap()
        .remove("prototypes.weight")
        .unwrap();
    let lengths = rows
        .square()
        .sum_dim_intlist([1].as_slice(), true, tch::Kind::Float)
        .sqrt();
    assert!((&lengths - 1.0).abs().max().double_value(&[]) < 1e-6);
    let expected = &long
        / long
            .square()
            .sum_dim_intlist([1].as_slice(), true, tch::Kind::Float)
            .sqrt();
    assert!(relative(&rows, &expected) < 1e-6, "the same directions");
}

#[test]
fn the_queue_appears_in_its_epoch_and_keeps_the_newest_in_front() {
    let mut trial = Trial::start::<Swav>(&config(), context(5, 8), &Ranks::single()).unwrap();
    trial.begin_epoch().unwrap();
    assert!(
        !trial.state().unwrap().contains_key("queue"),
        "not before its epoch"
    );
    trial.at.epoch = 1;
    trial.begin_epoch().unwrap();
    assert_eq!(
        trial.state().unwrap()["queue"]
            .abs()
            .max()
            .double_value(&[]),
        0.0
    );
    let mut fronts = Vec::new();
    for step in 0..3 {
        let (a, b) = (sample(8, 5, step), sample(8, 5, 7 + step));
        trial.step(&[("online.0", &a), ("online.1", &b)]).unwrap();
        let queue = trial.state().unwrap().remove("queue").unwrap();
        assert_eq!(queue.size(), [2, 16, 4]);
        fronts.push(queue.narrow(1, 0, 8).copy());
        if let [.., earlier, _] = &fronts[..] {
            assert_eq!(queue.narrow(1, 8, 8), *earlier, "moved back by one batch");
        }
    }
}

#[test]
fn a_queue_that_is_not_full_does_not_enter_the_codes() {
    let (plain, _) = one_step::<Swav>(&config(), &features(), &Ranks::single());
    let mut trial = Trial::start::<Swav>(&config(), context(5, 8), &Ranks::single()).unwrap();
    trial.at.epoch = 1;
    trial.begin_epoch().unwrap();
    let own = features();
    let views: Vec<_> = own.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let loss = |trial: &mut Trial| trial.step(&views).unwrap().loss;
    assert!((loss(&mut trial) - plain.loss).abs() < 1e-6, "empty");
    assert!((loss(&mut trial) - plain.loss).abs() < 1e-6, "half full");
    // Full, but of copies of the batch: every sample counts three times, and the codes are the same.
    assert!(
        (loss(&mut trial) - plain.loss).abs() < 1e-5,
        "full of copies"
    );
    let (a, b) = (sample(8, 5, 20), sample(8, 5, 21));
    trial.step(&[("online.0", &a), ("online.1", &b)]).unwrap();
    assert!(
        (loss(&mut trial) - plain.loss).abs() > 1e-4,
        "full of others"
    );
}

#[test]
fn a_queue_smaller_than_the_batch_is_refused() {
    let config = json!({ "queue_size": 4 });
    let fault = Trial::start::<Swav>(&config, context(5, 8), &Ranks::single())
        .err()
        .unwrap();
    assert_eq!(
        fault.message,
        "`queue_size`: expected 0 or at least the global batch of 8, found 4"
    );
}

#[test]
fn a_step_makes_the_queue_that_its_epoch_should_have() {
    let mut trial = Trial::start::<Swav>(&config(), context(5, 8), &Ranks::single()).unwrap();
    trial.at.epoch = 1;
    let own = features();
    let views: Vec<_> = own.iter().map(|(name, tensor)| (*name, tensor)).collect();
    trial.step(&views).unwrap();
    let queue = trial.state().unwrap().remove("queue").unwrap();
    let lengths = queue.square().sum_dim_intlist(2, false, None);
    let lengths: Vec<f32> = Vec::try_from(lengths.get(0)).unwrap();
    assert!(lengths[..8].iter().all(|l| (l - 1.0).abs() < 1e-5));
    assert_eq!(lengths[8..], [0.0; 8]);
}

#[test]
fn crops_that_do_not_fit_are_refused() {
    let refusal = |config: Value| SwavConfig::read(&config).unwrap_err().message;
    assert_eq!(
        refusal(json!({ "num_crops": [2, 6], "crops_for_assign": [0, 8] })),
        "`crops_for_assign`: expected crops below the 8 of `num_crops`, found 8"
    );
    assert_eq!(
        refusal(json!({ "num_crops": [1] })),
        "`num_crops`: expected at least 2 crops, found 1"
    );
    assert_eq!(
        refusal(json!({ "sinkhorn_iters": 0 })),
        "`sinkhorn_iters`: expected a whole number >= 1, found 0"
    );
}

#[test]
fn multi_crop_forwards_by_resolution() {
    let config = SwavConfig::read(&json!({ "num_crops": [2, 6] })).unwrap();
    let description = Swav::describe(&config);
    assert_eq!(description.validate(), Ok(()));
    assert_eq!(description.view_count(), 8);
    let lr = |step| description.recipe.lr.at(step, 312, 800, 4096);
    assert!((lr(0) - 0.3).abs() < 1e-12 && (lr(3120) - 4.8).abs() < 1e-9);
    assert!((lr(312 * 800) - 0.0048).abs() < 1e-9);
}
