//! What has to hold for DINO beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_dino::{Dino, DinoConfig, sharpened};
use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::api::description::{Clipping, Decay, Encoder};
use ssl_plugin_kit::blocks::{BlockError, swapped_cross_entropy};
use ssl_plugin_kit::framework::{Config, Exported};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole,
    assert_views_may_change_places, check_gradient, close, context, double, matrix, relative,
    sample, values,
};

fn plain() -> Value {
    json!({
        "out_dim": 9, "projector_hidden_dim": 7, "bottleneck_dim": 6, "num_local_crops": 2,
        "student_temp": 0.4, "teacher_temp": 0.3,
    })
}

/// The published ResNet-50's head in small; the last layer's lengths are trained.
fn normalized() -> Value {
    let mut config = plain();
    config["projector_layers"] = json!(2);
    config["projector_bn"] = json!(true);
    config["norm_last_layer"] = json!(false);
    config
}

fn features() -> Inputs {
    ["online.0", "online.1", "online.2", "online.3"]
        .into_iter()
        .chain(["target.0", "target.1"])
        .zip(0..)
        .map(|(name, seed)| (name, sample(8, 5, seed)))
        .collect()
}

fn start(config: &Value, batch: usize) -> Trial {
    Trial::start::<Dino>(config, context(5, batch), &Ranks::single()).unwrap()
}

fn step(trial: &mut Trial, features: &Inputs) -> f64 {
    let list: Vec<_> = features.iter().map(|(n, t)| (*n, t)).collect();
    trial.step(&list).unwrap().loss
}

/// Teachers of the first views against the student's views.
fn distillation(
    teachers: &[Tensor<2>],
    student: Tensor<2>,
    views: usize,
    temperature: f64,
) -> Result<Tensor<1>, BlockError> {
    let targets: Vec<_> = teachers.iter().cloned().enumerate().collect();
    swapped_cross_entropy(student * (1.0 / temperature), &targets, views)
}

#[test]
fn two_by_two_by_hand() {
    // Teachers of views 0 and 1; views 0, 1 and a small one; pairs (0,1), (0,2), (1,0), (1,2).
    let q = [
        matrix([[0.25, 0.75], [1.0, 0.0]]),
        matrix([[0.5, 0.5], [0.1, 0.9]]),
    ];
    let s = [
        matrix([[1.0, 0.0], [0.0, 2.0]]),
        matrix([[0.0, 0.5], [1.0, 1.0]]),
        matrix([[-1.0, 1.0], [0.5, 0.0]]),
    ];
    let loss = values(distillation(&q, Tensor::cat(s.into(), 0), 3, 0.5).unwrap())[0];
    let row = |q: [f32; 2], s: [f32; 2]| {
        let [a, b] = s.map(|x| x / 0.5);
        let total = (a.exp() + b.exp()).ln();
        -(q[0] * (a - total) + q[1] * (b - total))
    };
    let pairs = [
        row([0.25, 0.75], [0.0, 0.5]) + row([1.0, 0.0], [1.0, 1.0]),
        row([0.25, 0.75], [-1.0, 1.0]) + row([1.0, 0.0], [0.5, 0.0]),
        row([0.5, 0.5], [1.0, 0.0]) + row([0.1, 0.9], [0.0, 2.0]),
        row([0.5, 0.5], [-1.0, 1.0]) + row([0.1, 0.9], [0.5, 0.0]),
    ];
    let expected = pairs.iter().sum::<f32>() / 2.0 / 4.0;
    assert!(
        (loss - expected).abs() < 1e-6,
        "found {loss}, expected {expected}"
    );
}

#[test]
fn teachers_are_centred_then_sharpened() {
    let q = sharpened(matrix([[1.0, 3.0]]), matrix([[2.0, 3.5]]), 0.5).unwrap();
    // Centred (−1, −0.5), over 0.5 (−2, −1).
    let odds = 1_f32.exp();
    close(&values(q), &[1.0 / (1.0 + odds), odds / (1.0 + odds)], 1e-6);
}

#[test]
fn gradient_of_the_student_is_the_central_difference() {
    let q = || {
        [
            double(&[0.2, 0.8, 0.6, 0.4], [2, 2]),
            double(&[0.5, 0.5, 0.1, 0.9], [2, 2]),
        ]
    };
    let at = [
        1.0, 0.0, 0.6, 0.8, -0.28, 0.96, 0.1, 0.4, -1.2, 0.3, 2.0, 1.0,
    ];
    check_gradient(&at, [6, 2], 1e-8, |s| {
        distillation(&q(), s, 3, 0.3).unwrap()
    });
}

#[test]
fn the_teacher_gets_no_gradient() {
    let leaf = || matrix([[1.0, 0.0], [0.6, 0.8]]).autodiff().require_grad();
    let (t, s) = (leaf(), leaf());
    let q = sharpened(t.clone(), matrix([[0.1, 0.2]]), 0.5).unwrap();
    let both = Tensor::cat(vec![s.clone(), s.clone()], 0);
    let loss = distillation(&[q], both, 2, 0.3).unwrap();
    let gradients = loss.backward();
    assert!(s.grad(&gradients).is_some() && t.grad(&gradients).is_none());
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<Dino>(&plain(), &features());
    assert_order_does_not_matter::<Dino>(&normalized(), &features());
}

#[test]
fn the_large_views_may_change_places() {
    let large: Inputs = features()
        .into_iter()
        .filter(|(name, _)| !["online.2", "online.3"].contains(name))
        .collect();
    for mut config in [plain(), normalized()] {
        config["num_local_crops"] = json!(0);
        assert_views_may_change_places::<Dino>(&config, &large);
    }
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<Dino>(&plain(), features);
    assert_two_ranks_equal_the_whole::<Dino>(&normalized(), features);
}

#[test]
fn batch_statistics_are_those_of_all_crops_together() {
    // A small crop of another spread changes the statistics, and so the gradient of a large one.
    let gradient = |scale: f64| {
        let mut list = features();
        list[3].1 = &list[3].1 * scale;
        let list: Vec<_> = list.iter().map(|(n, t)| (*n, t)).collect();
        let outcome = start(&normalized(), 8).step(&list).unwrap();
        outcome.features["online.0"].copy()
    };
    assert!(relative(&gradient(3.0), &gradient(1.0)) > 1e-2);
    let mut trial = start(&normalized(), 8);
    step(&mut trial, &features());
    let list = features();
    let all: Vec<_> = list[..4].iter().map(|(_, t)| t).collect();
    let weights = trial.parameters().unwrap();
    let hidden = tch::Tensor::cat(&all, 0).matmul(&weights["projector.0.weight"].transpose(0, 1));
    let mean = hidden.mean_dim([0_i64].as_slice(), false, tch::Kind::Float) * 0.1;
    let found = &trial.state().unwrap()["projector.1.running_mean"];
    assert!(relative(found, &mean) < 1e-5);
}

#[test]
fn the_gradient_of_a_direction_is_orthogonal_to_it() {
    let mut trial = start(&plain(), 8);
    let list = features();
    let list: Vec<_> = list.iter().map(|(n, t)| (*n, t)).collect();
    let gradient = trial.step(&list).unwrap().parameters["last_layer.weight_v"].copy();
    let v = &trial.parameters().unwrap()["last_layer.weight_v"];
    let along = (&gradient * v).sum_dim_intlist(1, false, None);
    assert!(gradient.norm().double_value(&[]) > 1e-3);
    assert!(along.abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn the_centre_follows_raw_logits_after_the_loss() {
    // A first layer of zeros makes every logit that of its bias: the centre is known.
    let config = json!({
        "projector_layers": 1, "bottleneck_dim": 2, "out_dim": 2, "num_local_crops": 0,
        "center_momentum": 0.75,
    });
    let mut trial = start(&config, 8);
    let kind = (tch::Kind::Float, tch::Device::Cpu);
    let zeros = tch::Tensor::zeros([2, 5], kind);
    let bias = tch::Tensor::from_slice(&[3.0_f32, 4.0]);
    let directions = tch::Tensor::eye(2, kind) * 2.0;
    let old = tch::Tensor::from_slice(&[1.0_f32, -1.0]).reshape([1, 2]);
    let state = [
        ("center", &old),
        ("target.projector.0.weight", &zeros),
        ("target.projector.0.bias", &bias),
        ("target.last_layer.weight_v", &directions),
    ];
    let student = [
        ("projector.0.weight", &zeros),
        ("projector.0.bias", &bias),
        ("last_layer.weight_v", &directions),
    ];
    trial.load(&student, &state).unwrap();
    let list: Inputs = features()
        .into_iter()
        .filter(|(name, _)| !["online.2", "online.3"].contains(name))
        .collect();
    let loss = step(&mut trial, &list);
    // Logits (0.6, 0.8); the teacher's, minus the old centre, over 0.04: (−10, 45).
    let odds = (-2.0_f64).exp();
    let log_second = -(1.0 + odds).ln();
    assert!((loss + log_second).abs() < 1e-5, "found {loss}");
    let center = Vec::<f32>::try_from(trial.state().unwrap()["center"].flatten(0, -1)).unwrap();
    close(&center, &[0.75 + 0.25 * 0.6, -0.75 + 0.25 * 0.8], 1e-6);
}

#[test]
fn the_teachers_temperature_rises_by_epoch() {
    let config = |n: u64| {
        let given = json!({ "teacher_temp": 0.07, "warmup_teacher_temp_epochs": n });
        DinoConfig::read(&given).unwrap()
    };
    let at = |n, epoch| config(n).teacher_temp_at(epoch);
    for (found, expected) in [
        (at(30, 0), 0.04),
        (at(30, 10), 0.050_344_827_6),
        (at(30, 15), 0.055_517_241_4),
        (at(30, 29), 0.07),
        (at(30, 30), 0.07),
        (at(1, 0), 0.04),
        (at(1, 1), 0.07),
        (at(0, 0), 0.07),
    ] {
        assert!(
            (found - expected).abs() < 1e-9,
            "found {found}, expected {expected}"
        );
    }
}

#[test]
fn the_copy_starts_equal_and_follows_in_weights_only() {
    let mut trial = start(&normalized(), 8);
    step(&mut trial, &features());
    let (weights, before) = (trial.parameters().unwrap(), trial.state().unwrap());
    for name in ["projector.0.weight", "last_layer.weight_g"] {
        assert_eq!(
            relative(&before[&format!("target.{name}")], &weights[name]),
            0.0
        );
        trial.load(&[(name, &(&weights[name] * 3.0))], &[]).unwrap();
    }
    trial.after_update(Some(0.75)).unwrap();
    let after = trial.state().unwrap();
    for name in ["projector.0.weight", "last_layer.weight_g"] {
        // 0.75 w + 0.25 · 3 w.
        let expected = &weights[name] * 1.5;
        assert!(relative(&after[&format!("target.{name}")], &expected) < 1e-6);
    }
    let statistic = "projector.1.running_mean";
    let own = &after[&format!("target.{statistic}")];
    assert_eq!(relative(own, &before[&format!("target.{statistic}")]), 0.0);
    assert!(relative(own, &after[statistic]) > 1e-3);
}

#[test]
fn lengths_of_the_last_layer_are_parameters_only_when_trained() {
    let names = |config: &Value| start(config, 8).parameters().unwrap();
    assert!(!names(&plain()).contains_key("last_layer.weight_g"));
    assert!(names(&normalized()).contains_key("last_layer.weight_g"));
    let state = start(&plain(), 8).state().unwrap();
    assert!(state.contains_key("last_layer.weight_g"));
    assert!(state.contains_key("target.last_layer.weight_g"));
}

#[test]
fn a_batch_of_one_is_enough_without_batch_norm() {
    let one: Inputs = features()
        .into_iter()
        .map(|(name, t)| (name, t.narrow(0, 0, 1).contiguous()))
        .collect();
    assert!(step(&mut start(&plain(), 1), &one) > 0.0);
    // With it, four crops of one image still have statistics.
    assert!(step(&mut start(&normalized(), 1), &one) > 0.0);
}

#[test]
fn what_the_host_is_asked_for() {
    let describe = |config: &Value| Dino::description(config).unwrap();
    let (small, published) = (describe(&Value::Null), describe(&normalized()));
    assert_eq!((small.validate(), published.validate()), (Ok(()), Ok(())));
    assert_eq!(small.view_count(), 10);
    let teacher = small.encoders.iter().find(|r| r.encoder == Encoder::Target);
    assert_eq!(teacher.unwrap().views, [0, 1]);
    assert_eq!(
        small.recipe.clipping,
        Some(Clipping::PerTensor { max_norm: 3.0 })
    );
    assert_eq!(small.recipe.groups[1].frozen_epochs, Some(1));
    assert_eq!(
        (small.recipe.batch_size, published.recipe.batch_size),
        (512, 4080)
    );
    let Decay::Cosine { end, .. } = published.recipe.lr.decay else {
        panic!("expected a cosine");
    };
    assert_eq!(end, Some(0.0048));
    let unclipped = json!({ "clip_grad": 0.0 });
    assert_eq!(describe(&unclipped).recipe.clipping, None);
}

#[test]
fn configurations_out_of_range_are_refused() {
    let refusal = |config: Value| DinoConfig::read(&config).unwrap_err().message;
    assert!(refusal(json!({ "student_temp": 0.0 })).contains("`student_temp`"));
    assert!(refusal(json!({ "teacher_tmp": 0.1 })).contains("did you mean `teacher_temp`"));
    assert!(refusal(json!({ "projector_layers": 0 })).contains("1..=8"));
}
