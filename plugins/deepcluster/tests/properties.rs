//! Properties of DeepCluster.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_deepcluster::{DeepCluster, uniform_over_clusters};
use ssl_plugin_kit::api::description::{BatchNormMode, PassTransform};
use ssl_plugin_kit::framework::Exported;
use ssl_plugin_kit::random::Random;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_prepared_ranks_equal_the_whole, assert_prepared_views_may_change_places,
    assert_slopes, context, relative, sample,
};
use tch::{Kind, Tensor};

fn v2() -> Value {
    json!({
        "crops_for_assign": [0], "projector_hidden_dim": 7, "projector_dim": 3, "num_prototypes": [4, 3],
    })
}

fn v1() -> Value {
    json!({ "version": "v1", "num_clusters": 2, "pca_dim": 2 })
}

fn start(config: &Value, batch: usize) -> Trial {
    Trial::start::<DeepCluster>(config, context(5, batch), &Ranks::single()).unwrap()
}

/// Runs the pass that is due over all 64 samples in batches of 8, backwards.
fn pass(trial: &mut Trial, features: &Tensor) {
    let id = trial.due().unwrap().unwrap();
    let batches: Vec<(Vec<i64>, Tensor)> = (0..8)
        .map(|n| {
            let samples: Vec<i64> = (n * 8..n * 8 + 8).map(|i| 63 - i).collect();
            let rows = features.index_select(0, &Tensor::from_slice(&samples));
            (samples, rows)
        })
        .collect();
    let list: Vec<_> = batches
        .iter()
        .map(|(samples, rows)| (&samples[..], "online.0", rows))
        .collect();
    trial.pass(&id, 64, &list).unwrap();
}

/// Labels of both heads for all samples.
fn label(trial: &mut Trial) {
    let places = Tensor::arange(64, (Kind::Int64, tch::Device::Cpu));
    let heads = [places.remainder(4), (&places + 1).remainder(3)];
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
        "projector_hidden_dim": 2, "projector_dim": 2, "num_prototypes": [2, 2], "temperature": 0.5,
    });
    let mut trial = Trial::start::<DeepCluster>(&config, context(2, 1), &Ranks::single()).unwrap();
    let float = (Kind::Float, tch::Device::Cpu);
    let (eye, zero) = (Tensor::eye(2, float), Tensor::zeros([2], float));
    let rows = |values: [f32; 4]| Tensor::from_slice(&values).reshape([2, 2]);
    let labels = Tensor::full([2, 64], -100, (Kind::Int64, tch::Device::Cpu));
    labels
        .narrow(1, 0, 1)
        .copy_(&Tensor::from_slice(&[1_i64, 0]).unsqueeze(1));
    trial
        .load(
            &[
                ("projector.0.weight", &eye),
                ("projector.0.bias", &zero),
                ("projector.3.weight", &eye),
                ("projector.3.bias", &zero),
            ],
            &[
                ("prototypes.0.weight", &rows([0.6, 0.8, 1.0, 0.0])),
                ("prototypes.1.weight", &rows([0.0, 1.0, -0.8, 0.6])),
                ("assignments", &labels),
            ],
        )
        .unwrap();
    let (a, b) = (rows([10.0, -10.0, 0.0, 0.0]), rows([-10.0, 10.0, 0.0, 0.0]));
    let (a, b) = (a.narrow(0, 0, 1), b.narrow(0, 0, 1));
    let loss = trial
        .step(&[("online.0", &a), ("online.1", &b)])
        .unwrap()
        .loss;
    // Scores, doubled by the temperature, of crop 0 and 1: (1.2, 2), (1.6, 0); (0, −1.6), (2, 1.2).
    let against = |own: f64, other: f64| (other - own).exp().ln_1p();
    let first = (against(2.0, 1.2) + against(0.0, 1.6)) / 2.0;
    let second = (against(0.0, -1.6) + against(2.0, 1.2)) / 2.0;
    let expected = (first + second) / 2.0;
    assert!((loss - expected).abs() < 1e-5, "found {loss}");
}

#[test]
fn v1_two_images_two_clusters_by_hand() {
    let mut two = context(2, 2);
    two.samples = 2;
    let mut trial = Trial::start::<DeepCluster>(&v1(), two, &Ranks::single()).unwrap();
    let weight = Tensor::from_slice(&[1.0_f32, 0.0, 0.0, 2.0]).reshape([2, 2]);
    let bias = Tensor::from_slice(&[0.0_f32, 0.5]);
    let labels = Tensor::from_slice(&[1_i64, 0]).unsqueeze(0);
    trial
        .load(
            &[("top_layer.weight", &weight), ("top_layer.bias", &bias)],
            &[("assignments", &labels)],
        )
        .unwrap();
    let x = Tensor::from_slice(&[1.0_f32, 1.0, 3.0, -1.0]).reshape([2, 2]);
    let outcome = trial.step(&[("online.0", &x)]).unwrap();
    // Logits (1, 2.5) with label 1 and (3, −1.5) with label 0.
    let (p, q) = ((-1.5_f64).exp(), (-4.5_f64).exp());
    let expected = (p.ln_1p() + q.ln_1p()) / 2.0;
    assert!((outcome.loss - expected).abs() < 1e-6);
    let found = Vec::<f32>::try_from(&outcome.parameters["top_layer.bias"]).unwrap();
    let expected = (p / (1.0 + p) - q / (1.0 + q)) / 2.0;
    assert!((f64::from(found[0]) - expected).abs() < 1e-6);
    assert!((f64::from(found[1]) + expected).abs() < 1e-6);
}

#[test]
fn gradients_are_slopes_of_the_loss() {
    assert_slopes::<DeepCluster>(&v2(), &features(), &label);
    let of_one = |trial: &mut Trial| {
        let labels = Tensor::arange(64, (Kind::Int64, tch::Device::Cpu)).remainder(2);
        trial
            .load(&[], &[("assignments", &labels.unsqueeze(0))])
            .unwrap();
    };
    assert_slopes::<DeepCluster>(&v1(), &vec![("online.0", sample(8, 5, 3))], &of_one);
}

#[test]
fn v2_views_may_change_places() {
    assert_prepared_views_may_change_places::<DeepCluster>(&v2(), &features(), &label);
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    let own = ["memory_index", "memory_embeddings"];
    assert_prepared_ranks_equal_the_whole::<DeepCluster>(&v2(), features, &label, &own);
}

#[test]
fn v2_clusters_before_every_epoch_and_not_within_one() {
    let mut trial = start(&v2(), 8);
    assert!(trial.begin_epoch().unwrap_err().message.contains("memory"));
    pass(&mut trial, &sample(64, 5, 0));
    assert_eq!(trial.due().unwrap(), None);
    trial.begin_epoch().unwrap();
    let first = trial.state().unwrap();
    // The pass came backwards: row j of the memory is of sample 63 − j.
    let index: Vec<i64> = Vec::try_from(&first["memory_index"]).unwrap();
    assert_eq!(index, (0..64).map(|i| 63 - i).collect::<Vec<_>>());
    let bank = first["memory_embeddings"].select(0, 0);
    for (head, clusters) in [(0_i64, 4), (1, 3)] {
        let centroids = &first[&format!("prototypes.{head}.weight")];
        let lengths = centroids.square().sum_dim_intlist(1, false, None);
        assert!((lengths - 1.0).abs().max().double_value(&[]) < 1e-5);
        // Labels are those of the nearest centroid.
        let nearest = bank.matmul(&centroids.transpose(0, 1)).argmax(1, false);
        let labels = first["assignments"].select(0, head);
        let of_rows = labels.index_select(0, &first["memory_index"]);
        assert!(bool::try_from(of_rows.eq_tensor(&nearest).all()).unwrap());
        assert_eq!(labels.max().int64_value(&[]), clusters - 1);
    }
    let (a, b) = (sample(8, 5, 3), sample(8, 5, 4));
    let samples = [5, 6, 7, 8, 60, 61, 62, 63];
    trial.at.step = 2;
    trial
        .step_of(&samples, &[("online.0", &a), ("online.1", &b)])
        .unwrap();
    let second = trial.state().unwrap();
    for name in ["assignments", "prototypes.0.weight", "prototypes.1.weight"] {
        assert_eq!(
            (&second[name] - &first[name]).abs().max().double_value(&[]),
            0.0
        );
    }
    // Batch 2 of the epoch owns rows 16 … 23, whichever samples it has.
    let index: Vec<i64> = Vec::try_from(&second["memory_index"]).unwrap();
    assert_eq!(index[16..24], samples);
    let moved = (&second["memory_embeddings"] - &first["memory_embeddings"])
        .abs()
        .sum_dim_intlist([0, 2].as_slice(), false, Kind::Double)
        .gt(0.0);
    let moved: Vec<bool> = Vec::try_from(moved).unwrap();
    let expected: Vec<bool> = (0..64).map(|row| (16..24).contains(&row)).collect();
    assert_eq!(moved, expected);
}

#[test]
fn v2_trains_the_projector_only() {
    let mut trial = start(&v2(), 8);
    pass(&mut trial, &sample(64, 5, 0));
    trial.begin_epoch().unwrap();
    let (a, b) = (sample(8, 5, 3), sample(8, 5, 4));
    let outcome = trial.step(&[("online.0", &a), ("online.1", &b)]).unwrap();
    assert!(
        outcome
            .parameters
            .keys()
            .all(|n| n.starts_with("projector."))
    );
    assert_eq!(outcome.parameters.len(), 6);
    assert_eq!(outcome.features.len(), 2);
}

#[test]
fn v2_without_labels_is_zero_and_labels_of_some_are_their_mean() {
    let (a, b) = (sample(8, 5, 3), sample(8, 5, 4));
    let views = [("online.0", &a), ("online.1", &b)];
    let loss = |labels: [i64; 8]| {
        let mut trial = start(&v2(), 8);
        let table = Tensor::full([2, 64], -100, (Kind::Int64, tch::Device::Cpu));
        for head in 0..2 {
            table
                .select(0, head)
                .narrow(0, 0, 8)
                .copy_(&Tensor::from_slice(&labels));
        }
        trial.load(&[], &[("assignments", &table)]).unwrap();
        trial.step(&views).unwrap().loss
    };
    assert_eq!(loss([-100; 8]), 0.0);
    let one = |n: usize, label| {
        let mut labels = [-100; 8];
        labels[n] = label;
        labels
    };
    let both = [-100, 2, -100, -100, 0, -100, -100, -100];
    let mean = (loss(one(1, 2)) + loss(one(4, 0))) / 2.0;
    assert!((loss(both) - mean).abs() < 1e-5 * mean);
}

#[test]
fn the_order_of_samples_does_not_matter() {
    let mut trial = start(&v1(), 8);
    let labels = Tensor::arange(64, (Kind::Int64, tch::Device::Cpu)).remainder(2);
    trial
        .load(&[], &[("assignments", &labels.unsqueeze(0))])
        .unwrap();
    let x = sample(8, 5, 0);
    let order = [3, 0, 6, 1, 7, 5, 2, 4];
    let straight = trial.step(&[("online.0", &x)]).unwrap();
    let rows = x.index_select(0, &Tensor::from_slice(&order));
    let shuffled = trial.step_of(&order, &[("online.0", &rows)]).unwrap();
    assert!((straight.loss - shuffled.loss).abs() < 1e-6);
    for (name, gradient) in &straight.parameters {
        assert!(relative(&shuffled.parameters[name], gradient) < 1e-5);
    }
}

#[test]
fn v1_finds_two_groups_and_starts_its_classifier_afresh() {
    let mut trial = start(&v1(), 8);
    assert!(trial.begin_epoch().is_err());
    // Even samples around one point, odd ones around another.
    let side = (Tensor::arange(64, (Kind::Float, tch::Device::Cpu)).remainder(2.0) - 0.5) * 40.0;
    let features = sample(64, 5, 0) + side.unsqueeze(1);
    pass(&mut trial, &features);
    assert_eq!(trial.due().unwrap(), None);
    let before = trial.parameters().unwrap();
    let plan = trial.begin_epoch().unwrap();
    let labels: Vec<i64> =
        Vec::try_from(trial.state().unwrap()["assignments"].select(0, 0)).unwrap();
    assert!((0..64).all(|n| labels[n] == labels[n % 2]) && labels[0] != labels[1]);
    assert_eq!(plan.reset_optimizer, ["top_layer.weight", "top_layer.bias"]);
    let order = plan.order.unwrap();
    assert_eq!(order.as_slice::<i64>().unwrap().len(), 64);
    let after = trial.parameters().unwrap();
    assert!(relative(&after["top_layer.weight"], &before["top_layer.weight"]) > 0.5);
    let spread = after["top_layer.weight"].std(false).double_value(&[]);
    assert!((0.005..0.02).contains(&spread), "found {spread}");
    assert_eq!(after["top_layer.bias"].abs().max().double_value(&[]), 0.0);
    trial.at.epoch = 1;
    trial.at.step = 8;
    assert!(trial.due().unwrap().is_some());
}

#[test]
fn clusters_come_equally_often() {
    // Cluster 0 has 90 images, cluster 1 has 9, cluster 2 has 1; image 100 has no label.
    let mut labels = vec![0; 90];
    labels.extend([1; 9]);
    labels.extend([2, -100]);
    let order = uniform_over_clusters(&labels, 60, &mut Random::new(1, "order"));
    assert_eq!(order.len(), 60);
    let of = |cluster| {
        order
            .iter()
            .filter(|&&i| labels[i as usize] == cluster)
            .count()
    };
    // 21 each, three of 63 cut off.
    assert!([0, 1, 2].iter().all(|&c| (18..=21).contains(&of(c))));
    assert_eq!(of(-100), 0);
    // A cluster that is large enough gives no image twice.
    let mut large: Vec<_> = order.iter().filter(|&&i| i < 90).collect();
    large.sort_unstable();
    assert!(large.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(uniform_over_clusters(&[-100; 4], 4, &mut Random::new(1, "order")).is_empty());
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    let refusal = |config: Value| {
        let trial = Trial::start::<DeepCluster>(&config, context(5, 8), &Ranks::single());
        trial.err().unwrap().message
    };
    assert_eq!(
        refusal(json!({ "pca_dim": 3 })),
        "`pca_dim`: expected null with version v2, which has no such thing, found a value"
    );
    assert_eq!(
        refusal(json!({ "version": "v1", "temperature": 0.1 })),
        "`temperature`: expected null with version v1, which has no such thing, found a value"
    );
    assert_eq!(
        refusal(json!({ "num_prototypes": [4, 65] })),
        "`num_prototypes`: expected at most the 64 images of an epoch, found 65"
    );
    assert_eq!(
        refusal(json!({ "version": "v1", "num_clusters": 65 })),
        "`num_clusters`: expected at most the 64 training images, found 65"
    );
    assert!(refusal(json!({ "version": "v1", "reassign_epochs": 2.0 })).contains("(0, 1]"));
    assert_eq!(
        refusal(json!({ "crops_for_assign": [2] })),
        "`crops_for_assign`: expected crops below the 2 of `num_crops`, found 2"
    );
}

#[test]
fn v2_looks_at_training_views_and_v1_at_centre_crops() {
    let describe = |config: Value| DeepCluster::description(&config).unwrap();
    let (two, one) = (describe(v2()), describe(v1()));
    assert_eq!((two.validate(), one.validate()), (Ok(()), Ok(())));
    assert_eq!(two.passes[0].batch_norm, BatchNormMode::Train);
    assert_eq!(
        two.passes[0].transform,
        PassTransform::Views { views: vec![0] }
    );
    assert_eq!(one.passes[0].batch_norm, BatchNormMode::Eval);
    assert_eq!(one.passes[0].transform, PassTransform::Center);
}

#[test]
fn v1_has_batches_of_one_and_v2_needs_statistics() {
    let x = sample(1, 5, 0);
    assert!(start(&v1(), 1).step(&[("online.0", &x)]).is_ok());
    let two = Trial::start::<DeepCluster>(
        &json!({ "projector_dim": 3, "num_prototypes": [2], "num_crops": [2] }),
        context(5, 1),
        &Ranks::single(),
    );
    // Two crops of one image are a batch of two rows.
    let outcome = two
        .unwrap()
        .step(&[("online.0", &x), ("online.1", &sample(1, 5, 1))]);
    assert!(outcome.unwrap().loss.is_finite());
}
