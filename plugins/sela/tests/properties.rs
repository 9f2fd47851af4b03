//! Properties of SeLa.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_plugin_kit::api::description::BatchNormMode;
use ssl_plugin_kit::framework::Exported;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_prepared_ranks_equal_the_whole, assert_prepared_views_may_change_places,
    assert_slopes, context, sample,
};
use ssl_sela::{Sela, due_at};
use tch::{Kind, Tensor};

fn v2() -> Value {
    json!({
        "crops_for_assign": [0], "projector_hidden_dim": 7, "projector_dim": 3, "num_prototypes": [4, 2],
    })
}

fn v1() -> Value {
    json!({ "version": "v1", "num_clusters": 4, "num_heads": 2, "label_passes": 3 })
}

fn start(config: &Value, batch: usize) -> Trial {
    Trial::start::<Sela>(config, context(5, batch), &Ranks::single()).unwrap()
}

/// Runs the pass that is due over all 64 samples, backwards, in one batch.
fn pass(trial: &mut Trial, features: &Tensor) {
    let id = trial.due().unwrap().unwrap();
    let samples: Vec<i64> = (0..64).rev().collect();
    let rows = features.index_select(0, &Tensor::from_slice(&samples));
    trial
        .pass(&id, 64, &[(&samples, "online.0", &rows)])
        .unwrap();
}

fn labels(trial: &mut Trial, head: i64) -> Vec<i64> {
    Vec::try_from(trial.state().unwrap()["assignments"].select(0, head)).unwrap()
}

fn sizes(labels: &[i64], clusters: i64) -> Vec<usize> {
    (0..clusters)
        .map(|k| labels.iter().filter(|&&label| label == k).count())
        .collect()
}

/// Labels of both heads for all samples.
fn label(trial: &mut Trial) {
    let places = Tensor::arange(64, (Kind::Int64, tch::Device::Cpu));
    let heads = [places.remainder(4), (&places + 1).remainder(2)];
    trial
        .load(&[], &[("assignments", &Tensor::stack(&heads, 0))])
        .unwrap();
}

fn features() -> Inputs {
    vec![("online.0", sample(8, 5, 3)), ("online.1", sample(8, 5, 4))]
}

#[test]
fn two_crops_two_prototypes_by_hand() {
    // One image, crops (10, −10) and (−10, 10): normalised over both and cut off at 0, they are the unit
    // vectors e_0 and e_1, which the identity keeps.
    let config = json!({
        "projector_hidden_dim": 2, "projector_dim": 2, "num_prototypes": [2], "temperature": 0.5,
    });
    let mut trial = Trial::start::<Sela>(&config, context(2, 1), &Ranks::single()).unwrap();
    let float = (Kind::Float, tch::Device::Cpu);
    let (eye, zero) = (Tensor::eye(2, float), Tensor::zeros([2], float));
    let long = Tensor::from_slice(&[3.0_f32, 4.0, 0.1, 0.0]).reshape([2, 2]);
    let labels = Tensor::ones([1, 64], (Kind::Int64, tch::Device::Cpu));
    trial
        .load(
            &[
                ("projector.0.weight", &eye),
                ("projector.0.bias", &zero),
                ("projector.3.weight", &eye),
                ("projector.3.bias", &zero),
                ("prototypes.0.weight", &long),
            ],
            &[("assignments", &labels)],
        )
        .unwrap();
    let (a, b) = (
        Tensor::from_slice(&[10.0_f32, -10.0]).unsqueeze(0),
        Tensor::from_slice(&[-10.0_f32, 10.0]).unsqueeze(0),
    );
    let outcome = trial.step(&[("online.0", &a), ("online.1", &b)]).unwrap();
    // Unit prototypes (0.6, 0.8) and (1, 0): scores, doubled by the temperature, (1.2, 2) and (1.6, 0).
    let other = |own: f64, other: f64| 1.0 / (1.0 + (own - other).exp());
    let (p, q) = (other(2.0, 1.2), other(0.0, 1.6));
    let expected = -((1.0 - p).ln() + (1.0 - q).ln()) / 2.0;
    assert!((outcome.loss - expected).abs() < 1e-5);
    // The gradient at the unit rows, half of 2·p·e_0 + 2·q·e_1 for the other prototype, not carried through
    // the division by their length: it has a part along the rows.
    let found =
        Vec::<f32>::try_from(outcome.parameters["prototypes.0.weight"].reshape(-1)).unwrap();
    for (found, expected) in found.iter().zip([p, q, -p, -q]) {
        assert!((f64::from(*found) - expected).abs() < 1e-4, "{found}");
    }
}

#[test]
fn gradients_are_slopes_of_the_loss() {
    assert_slopes::<Sela>(&v2(), &features(), &label);
    assert_slopes::<Sela>(&v1(), &vec![("online.0", sample(8, 5, 3))], &label);
}

#[test]
fn v2_views_may_change_places() {
    assert_prepared_views_may_change_places::<Sela>(&v2(), &features(), &label);
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    let own = ["memory_index", "memory_embeddings"];
    assert_prepared_ranks_equal_the_whole::<Sela>(&v2(), features, &label, &own);
    assert_prepared_ranks_equal_the_whole::<Sela>(
        &v1(),
        || vec![("online.0", sample(8, 5, 3))],
        &label,
        &[],
    );
}

#[test]
fn the_worked_example_of_three_images() {
    // Softmax rows (0.7, 0.3), (0.6, 0.4), (0.55, 0.45), λ 5: labels 0, 1, 1, though all rows prefer cluster 0.
    let config = json!({ "version": "v1", "num_clusters": 2, "num_heads": 1, "lambda": 5 });
    let mut small = context(2, 1);
    (small.samples, small.steps_per_epoch) = (3, 3);
    let mut trial = Trial::start::<Sela>(&config, small, &Ranks::single()).unwrap();
    let float = (Kind::Float, tch::Device::Cpu);
    let (eye, zero) = (Tensor::eye(2, float), Tensor::zeros([2], float));
    trial
        .load(
            &[("top_layer.0.weight", &eye), ("top_layer.0.bias", &zero)],
            &[],
        )
        .unwrap();
    let rows = Tensor::from_slice(&[0.7_f32, 0.3, 0.6, 0.4, 0.55, 0.45])
        .reshape([3, 2])
        .log();
    let id = trial.due().unwrap().unwrap();
    trial
        .pass(&id, 3, &[(&[0, 1, 2], "online.0", &rows)])
        .unwrap();
    assert_eq!(labels(&mut trial, 0), [0, 1, 1]);
}

#[test]
fn v1_starts_with_shuffled_labels_of_one_size() {
    let mut trial = start(&v1(), 8);
    let (a, b) = (labels(&mut trial, 0), labels(&mut trial, 1));
    assert_eq!((sizes(&a, 4), sizes(&b, 4)), (vec![16; 4], vec![16; 4]));
    assert_ne!(a, b);
    assert_ne!(a, (0..64).map(|n| n % 4).collect::<Vec<_>>());
}

#[test]
fn v1_labels_are_balanced_and_follow_their_images() {
    // Weak scores that all prefer cluster 0: only the condition keeps the others in use.
    let mut trial = start(&v1(), 8);
    let weight = sample(4, 5, 2) * 0.02;
    let bias = Tensor::from_slice(&[1.0_f32, 0.0, 0.0, 0.0]);
    trial
        .load(
            &[("top_layer.0.weight", &weight), ("top_layer.0.bias", &bias)],
            &[],
        )
        .unwrap();
    let features = sample(64, 5, 0);
    pass(&mut trial, &features);
    let found = labels(&mut trial, 0);
    assert!(
        sizes(&found, 4).iter().all(|n| (8..=24).contains(n)),
        "{:?}",
        sizes(&found, 4)
    );
    // The same features in another order of the pass give the same labels.
    let mut other = start(&v1(), 8);
    other
        .load(
            &[("top_layer.0.weight", &weight), ("top_layer.0.bias", &bias)],
            &[],
        )
        .unwrap();
    let id = other.due().unwrap().unwrap();
    let samples: Vec<i64> = (0..64).collect();
    other
        .pass(&id, 64, &[(&samples, "online.0", &features)])
        .unwrap();
    assert_eq!(labels(&mut other, 0), found);
    // One pass before a step.
    assert_eq!(other.due().unwrap(), None);
}

#[test]
fn passes_are_spaced_quadratically_one_before_a_step() {
    // 10 epochs of 100 images, batch 10: span 1101, five passes at shares 0, 1/16, 1/4, 9/16, 1.
    let at: Vec<u64> = (0..200)
        .filter(|&s| due_at(s, 10, 100, 10, 5).is_some())
        .collect();
    assert_eq!(at, [0, 7, 28, 62, 111]);
    assert_eq!(due_at(28, 10, 100, 10, 5), Some(2));
    // Passes that would fall together follow one another.
    let at: Vec<u64> = (0..20)
        .filter(|&s| due_at(s, 1000, 100, 10, 4).is_some())
        .collect();
    assert_eq!(at, [0, 1, 2, 3]);
    let at: Vec<u64> = (0..20)
        .filter(|&s| due_at(s, 10, 100, 10, 1).is_some())
        .collect();
    assert_eq!(at, [0]);
}

#[test]
fn v2_labels_once_an_epoch_and_leaves_prototypes_alone() {
    let mut trial = start(&v2(), 8);
    assert!(trial.begin_epoch().unwrap_err().message.contains("memory"));
    let before = trial.parameters().unwrap();
    pass(&mut trial, &sample(64, 5, 0));
    assert_eq!(trial.due().unwrap(), None);
    trial.begin_epoch().unwrap();
    let after = trial.parameters().unwrap();
    for (name, tensor) in &before {
        let moved = (&after[name] - tensor).abs().max().double_value(&[]);
        assert_eq!(moved, 0.0, "{name} moved");
    }
    for (head, clusters) in [(0, 4), (1, 2)] {
        let found = labels(&mut trial, head);
        let sizes = sizes(&found, clusters);
        assert_eq!(sizes.iter().sum::<usize>(), 64);
        assert!(sizes.iter().all(|n| *n > 0), "{sizes:?}");
    }
}

#[test]
fn v2_labels_do_not_depend_on_the_prototypes_length() {
    let found = |scale: f64| {
        let mut trial = start(&v2(), 8);
        let weight = sample(4, 3, 9) * scale;
        trial
            .load(&[("prototypes.0.weight", &weight)], &[])
            .unwrap();
        pass(&mut trial, &sample(64, 5, 0));
        trial.begin_epoch().unwrap();
        labels(&mut trial, 0)
    };
    assert_eq!(found(1.0), found(7.0));
}

#[test]
fn v2_prototypes_have_unit_length_in_the_step_and_are_trained() {
    let mut trial = start(&v2(), 8);
    pass(&mut trial, &sample(64, 5, 0));
    trial.begin_epoch().unwrap();
    let (a, b) = (sample(8, 5, 3), sample(8, 5, 4));
    let outcome = trial.step(&[("online.0", &a), ("online.1", &b)]).unwrap();
    let weights = trial.parameters().unwrap();
    for head in 0..2 {
        let name = format!("prototypes.{head}.weight");
        let lengths = weights[&name].square().sum_dim_intlist(1, false, None);
        assert!((lengths - 1.0).abs().max().double_value(&[]) < 1e-5);
        assert!(outcome.parameters[&name].norm().double_value(&[]) > 0.0);
    }
}

#[test]
fn the_order_of_samples_does_not_matter() {
    let order = [3, 0, 6, 1, 7, 5, 2, 4];
    let at = Tensor::from_slice(&order);
    let (a, b) = (sample(8, 5, 3), sample(8, 5, 4));
    let (a_2, b_2) = (a.index_select(0, &at), b.index_select(0, &at));
    for config in [v1(), v2()] {
        let step = |samples: &[i64], a: &Tensor, b: &Tensor| {
            let mut trial = start(&config, 8);
            pass(&mut trial, &sample(64, 5, 0));
            trial.begin_epoch().unwrap();
            let views = [("online.0", a), ("online.1", b)];
            trial.step_of(samples, &views).unwrap()
        };
        let straight = step(&[0, 1, 2, 3, 4, 5, 6, 7], &a, &b);
        let shuffled = step(&order, &a_2, &b_2);
        assert!((straight.loss - shuffled.loss).abs() < 1e-5 * straight.loss);
        let largest = straight
            .parameters
            .values()
            .map(|g| g.norm().double_value(&[]));
        let scale = 1e-4 * largest.fold(0.0, f64::max);
        for (name, gradient) in &straight.parameters {
            let distance = (&shuffled.parameters[name] - gradient)
                .norm()
                .double_value(&[]);
            assert!(distance < scale, "{name}");
        }
    }
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    let refusal = |config: Value| {
        let trial = Trial::start::<Sela>(&config, context(5, 8), &Ranks::single());
        trial.err().unwrap().message
    };
    assert_eq!(
        refusal(json!({ "lambda": 10 })),
        "`lambda`: expected null with version v2, which has no such thing, found a value"
    );
    assert_eq!(
        refusal(json!({ "version": "v1", "epsilon": 0.1 })),
        "`epsilon`: expected null with version v1, which has no such thing, found a value"
    );
    assert_eq!(
        refusal(json!({ "num_prototypes": [4, 65] })),
        "`num_prototypes`: expected at most the 64 training images, found 65"
    );
    assert_eq!(
        refusal(json!({ "version": "v1", "num_clusters": 65 })),
        "`num_clusters`: expected at most the 64 training images, found 65"
    );
    assert!(refusal(json!({ "crops_for_assign": [0, 0] })).contains("listed twice"));
    assert!(refusal(json!({ "sinkhorn_iters": 0 })).contains(">= 1"));
}

#[test]
fn descriptions_hold_and_passes_are_in_training_mode() {
    for config in [v1(), v2()] {
        let description = Sela::description(&config).unwrap();
        assert_eq!(description.validate(), Ok(()));
        assert_eq!(description.passes[0].batch_norm, BatchNormMode::Train);
    }
    let x = sample(1, 5, 0);
    assert!(start(&v1(), 1).step(&[("online.0", &x)]).is_ok());
}
