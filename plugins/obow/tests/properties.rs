//! What has to hold for OBoW beside its golden vectors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_obow::{Obow, Sharpness, averaged, bags, divergence, inner, words_at};
use ssl_plugin_kit::api::FeatureDim;
use ssl_plugin_kit::api::description::Level;
use ssl_plugin_kit::framework::Exported;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::testing::{
    Inputs, Trial, assert_order_does_not_matter, assert_two_ranks_equal_the_whole, check_gradient,
    close, context, cpu, double, matrix, relative, sample, values, vector,
};
use ssl_plugin_kit::{Int, Tensor};

fn config() -> Value {
    json!({ "num_words": 24, "num_crops": [2, 1], "kappa": 3 })
}

fn map(channels: i64, side: i64, seed: i64) -> tch::Tensor {
    sample(8, channels * side * side, seed)
        .reshape([8, channels, side, side])
        .abs()
}

fn features() -> Inputs {
    vec![
        ("online.1", sample(8, 6, 0)),
        ("online.2", sample(8, 6, 1)),
        ("online.3", sample(8, 6, 2)),
        ("target.0.layer3", map(3, 7, 3)),
        ("target.0.layer4", map(4, 5, 4)),
    ]
}

fn start(config: &Value) -> Trial {
    let mut context = context(6, 8);
    for (level, dim) in [(Level::Layer3, 3), (Level::Layer4, 4)] {
        context.features.push(FeatureDim { level, dim });
    }
    Trial::start::<Obow>(config, context, &Ranks::single()).unwrap()
}

fn step(trial: &mut Trial, features: &Inputs) -> f64 {
    let list: Vec<_> = features.iter().map(|(n, t)| (*n, t)).collect();
    trial.step(&list).unwrap().loss
}

fn square(rows: &[f32], side: usize) -> Tensor<4> {
    Tensor::<1>::from_data(rows, &cpu()).reshape([1, 1, side, side])
}

#[test]
fn one_image_two_words_by_hand() {
    // Positions 0 and 3, words 1 and 3: squared distances (1, 9) and (4, 0), least ones 1 and 0.
    let (map, words) = (
        Tensor::<1>::from_data([0.0_f32, 3.0], &cpu()).reshape([1, 1, 1, 2]),
        matrix([[1.0], [3.0]]),
    );
    let run = |sharpness, pool: &str| {
        let pool = serde_json::from_value(json!(pool)).unwrap();
        let delta = vector([2.0]);
        bags(
            map.clone(),
            words.clone(),
            delta,
            0.5,
            sharpness,
            pool,
            &Ranks::single(),
        )
        .unwrap()
    };
    // δ = 0.5·2 + 0.5·0.5 = 1.25, so 2.5/δ = 2: codes (1, e^−16) and (e^−8, 1), normalised.
    let found = run(Sharpness::Soft(2.5), "max");
    close(&values(found.min_distance_mean), &[1.25], 1e-6);
    let first = 1.0 / (1.0 + (-16_f32).exp());
    let second = 1.0 / (1.0 + (-8_f32).exp());
    let total = first + second;
    close(&values(found.bags), &[first / total, second / total], 1e-6);
    let average = values(run(Sharpness::Soft(2.5), "avg").bags);
    close(
        &average,
        &[(first + 1.0 - second) / 2.0, (second + 1.0 - first) / 2.0],
        1e-6,
    );
    assert_eq!(values(run(Sharpness::Hard, "max").bags), [0.5, 0.5]);
}

#[test]
fn the_divergence_is_zero_at_the_bags_and_positive_elsewhere() {
    let bags = || matrix([[0.25, 0.75, 0.0]]);
    let at_bags = divergence(matrix([[0.25_f32.ln(), 0.75_f32.ln(), -60.0]]), bags()).unwrap();
    assert!(values(at_bags)[0].abs() < 1e-6);
    let uniform = values(divergence(matrix([[1.0, 1.0, 1.0]]), bags()).unwrap())[0];
    let expected = 3_f32.ln() + 0.25 * 0.25_f32.ln() + 0.75 * 0.75_f32.ln();
    assert!((uniform - expected).abs() < 1e-6);
}

#[test]
fn gradient_of_the_logits_is_the_central_difference() {
    let bags = || double(&[0.2, 0.8, 0.0, 0.5, 0.1, 0.4], [2, 3]);
    check_gradient(&[1.0, 0.0, 0.6, 0.8, -0.28, 0.96], [2, 3], 1e-7, |logits| {
        divergence(logits, bags()).unwrap()
    });
}

#[test]
fn maps_lose_their_border_and_words_are_means_of_nine() {
    let numbers: Vec<f32> = (0..25).map(|i| (i * i) as f32).collect();
    let map = inner(square(&numbers, 5)).unwrap();
    let expected = [6, 7, 8, 11, 12, 13, 16, 17, 18].map(|i| (i * i) as f32);
    assert_eq!(values(map.clone()), expected);
    let mean = averaged(map.clone()).unwrap();
    close(&values(mean), &[expected.iter().sum::<f32>() / 9.0], 1e-6);
    let position: Tensor<1, Int> = Tensor::from_data([5_i64], &cpu());
    assert_eq!(values(words_at(map, position)), [169.0]);
    assert!(inner(square(&numbers[..4], 2)).is_err());
}

#[test]
fn the_order_of_samples_does_not_matter() {
    assert_order_does_not_matter::<Obow>(&config(), &features());
}

#[test]
fn two_ranks_equal_the_whole_batch() {
    assert_two_ranks_equal_the_whole::<Obow>(&config(), features);
}

#[test]
fn crops_of_one_group_may_change_places_and_groups_are_added() {
    let loss = |crops: Value, seeds: &[i64]| {
        let mut given = config();
        given["num_crops"] = crops;
        let names = ["online.1", "online.2", "online.3"];
        let mut list: Inputs = names
            .into_iter()
            .zip(seeds)
            .map(|(name, &seed)| (name, sample(8, 6, seed)))
            .collect();
        list.extend(features().into_iter().skip(3));
        step(&mut start(&given), &list)
    };
    let near = |a: f64, b: f64| (a - b).abs() < 1e-5 * b;
    let all = loss(json!([2, 1]), &[0, 1, 2]);
    assert!(near(loss(json!([2, 1]), &[1, 0, 2]), all));
    assert!(!near(loss(json!([2, 1]), &[2, 1, 0]), all));
    // The group of two is a mean of its crops, the group of one joins with its full weight.
    let alone = |seed| loss(json!([1]), &[seed]);
    assert!(near((alone(0) + alone(1)) / 2.0 + alone(2), all));
}

#[test]
fn the_vocabulary_is_a_ring_of_the_teachers_own_words() {
    let mut given = config();
    given["location_sampling"] = json!("indexed");
    let mut trial = start(&given);
    for (n, ptr) in [(0, 8), (1, 16), (2, 0), (3, 8)] {
        let before = trial.state().unwrap();
        step(&mut trial, &features());
        let after = trial.state().unwrap();
        assert_eq!(after["vocabulary_ptr.layer3"].int64_value(&[0]), ptr);
        let name = "vocabulary.layer3";
        let first = (8 * n) % 24;
        for row in (0..24).filter(|row| !(first..first + 8).contains(row)) {
            let distance = (after[name].get(row) - before[name].get(row)).abs().max();
            assert_eq!(distance.double_value(&[]), 0.0, "row {row} of step {n}");
        }
        // 7 × 7 without border is 5 × 5, averaged 3 × 3: sample s takes position (s + step) mod 9.
        let (maps, s) = (map(3, 7, 3), 2_i64);
        let at = (s + n) % 9;
        let window = maps
            .get(s)
            .narrow(1, 1 + at / 3, 3)
            .narrow(2, 1 + at % 3, 3);
        let expected = window.mean_dim([1_i64, 2].as_slice(), false, tch::Kind::Float);
        assert!(relative(&after[name].get(first + s), &expected) < 1e-6);
    }
}

#[test]
fn targets_and_weights_come_from_the_vocabulary_before_this_step() {
    // With all rows written in one step, a second step on the same maps finds its own words.
    let mut given = config();
    given["num_words"] = json!(8);
    let mut trial = start(&given);
    let first = step(&mut trial, &features());
    let state = trial.state().unwrap();
    let again = {
        let mut fresh = start(&given);
        step(&mut fresh, &features())
    };
    assert!((first - again).abs() < 1e-6 * first);
    let second = step(&mut trial, &features());
    assert!((first - second).abs() > 1e-3 * first);
    // And δ has moved a hundredth of the way to the distance of the old words, not the new.
    let moved = state["min_distance_mean.layer3"].double_value(&[0]);
    assert!((moved - 0.5).abs() > 1e-4, "found {moved}");
}

#[test]
fn kappa_is_a_parameter_only_when_it_is_learnt() {
    let mut learnt = config();
    learnt["learn_kappa"] = json!(true);
    let mut fixed = start(&config());
    assert!(!fixed.parameters().unwrap().contains_key("scale"));
    let mut trial = start(&learnt);
    let scale = Vec::<f32>::try_from(&trial.parameters().unwrap()["scale"]).unwrap();
    assert_eq!(scale, [3.0, 3.0]);
    let list = features();
    let list: Vec<_> = list.iter().map(|(n, t)| (*n, t)).collect();
    let outcome = trial.step(&list).unwrap();
    assert!(outcome.parameters["scale"].abs().min().double_value(&[]) > 0.0);
    assert!((outcome.loss - step(&mut fixed, &features())).abs() < 1e-6 * outcome.loss);
}

#[test]
fn the_global_mean_and_plain_positions_enter_as_they_are() {
    let words = |update: &str| {
        let mut given = config();
        given["update_type"] = json!(update);
        given["location_sampling"] = json!("indexed");
        let mut trial = start(&given);
        step(&mut trial, &features());
        trial.state().unwrap()["vocabulary.layer4"].get(4)
    };
    let inner = map(4, 5, 4).get(4).narrow(1, 1, 3).narrow(2, 1, 3);
    let mean = inner.mean_dim([1_i64, 2].as_slice(), false, tch::Kind::Float);
    assert!(relative(&words("global_average"), &mean) < 1e-6);
    // Sample 4 at step 0: position 4 of 3 × 3.
    let centre = inner.select(1, 1).select(1, 1);
    assert!(relative(&words("no_averaging"), &centre) < 1e-6);
}

#[test]
fn batches_of_one_work() {
    let one: Inputs = features()
        .into_iter()
        .map(|(name, t)| (name, t.narrow(0, 0, 1).contiguous()))
        .collect();
    assert!(step(&mut start(&config()), &one) > 0.0);
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    let refusal = |config: Value| {
        let trial = Trial::start::<Obow>(&config, context(6, 8), &Ranks::single());
        trial.err().unwrap().message
    };
    assert_eq!(
        refusal(config()),
        "`bow_levels`: expected levels of this backbone, found layer3"
    );
    assert_eq!(
        refusal(json!({ "num_crops": [1, 10] })),
        "`num_crops`: expected at most 9 patches, found 10"
    );
    assert_eq!(
        refusal(json!({ "inv_delta": [1.0, 2.0, 3.0] })),
        "`inv_delta`: expected one number for each of 2 levels, found 3"
    );
    assert_eq!(
        refusal(json!({ "bow_levels": ["layer4", "layer4"] })),
        "`bow_levels`: layer4 is listed twice"
    );
    let mut context = context(6, 8);
    let (level, dim) = (Level::Layer4, 4);
    context.features.push(FeatureDim { level, dim });
    let given = json!({ "bow_levels": ["layer4"], "num_words": 20 });
    let fault = Trial::start::<Obow>(&given, context, &Ranks::single()).err();
    assert_eq!(
        fault.unwrap().message,
        "`num_words`: expected a multiple of the global batch of 8, found 20"
    );
}

#[test]
fn what_the_host_is_asked_for() {
    let describe = |config: &Value| Obow::description(config).unwrap();
    let full = describe(&Value::Null);
    assert_eq!((full.validate(), full.view_count()), (Ok(()), 8));
    assert_eq!(full.encoders[0].levels, [Level::Layer3, Level::Layer4]);
    assert_eq!(full.encoders[1].views, [1, 2, 3, 4, 5, 6, 7]);
    let patches = full.views[2].patches.unwrap();
    assert_eq!((patches.grid, patches.patch, patches.jitter), (3, 96, 24));
    // The momentum after step s is that of step s + 1: 1 at the end.
    let momentum = full.momentum.unwrap();
    assert_eq!(momentum.after_step(99, 100), 1.0);
    // Vocabularies of official checkpoints are numbered; here they have their level's name.
    let renamed = |config: &Value, to: &str| {
        let map = describe(config).checkpoint.renames;
        map.into_iter().find(|r| r.to == to).map(|r| r.from)
    };
    assert_eq!(
        renamed(&Value::Null, "state.vocabulary_ptr.layer4").as_deref(),
        Some(r"^bow_extractor\.bow_extractor\.1\._embedding_ptr$")
    );
    assert!(renamed(&json!({ "learn_kappa": true }), "param.scale").is_some());
    assert!(renamed(&Value::Null, "param.scale").is_none());
    let vanilla = describe(&json!({ "bow_levels": ["layer4"], "num_crops": [1] }));
    assert_eq!((vanilla.validate(), vanilla.view_count()), (Ok(()), 2));
}
