//! The clustering blocks against the golden clustering files.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use ssl_plugin_kit::blocks::{
    BlockError, Empty, KMeans, Metric, Stop, label_balanced, nearest, unit_rows, whiten,
};
use ssl_plugin_kit::bridge::{from_tch, to_tch, to_tch_int};
use ssl_plugin_kit::random::Random;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Int, Tensor};
use std::collections::HashMap;

struct Golden(HashMap<String, tch::Tensor>);

impl Golden {
    fn read(name: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");
        let file = format!("{folder}/{name}.safetensors");
        Self(
            tch::Tensor::read_safetensors(file)
                .unwrap()
                .into_iter()
                .collect(),
        )
    }

    fn get(&self, name: &str) -> tch::Tensor {
        self.0[name].shallow_clone()
    }

    fn matrix(&self, name: &str) -> Tensor<2> {
        from_tch(self.get(name).copy())
    }
}

fn distance(found: &tch::Tensor, expected: &tch::Tensor) -> f64 {
    let double = |t: &tch::Tensor| t.to_kind(tch::Kind::Double);
    let apart: f64 = (double(found) - double(expected))
        .norm()
        .try_into()
        .unwrap();
    let length: f64 = double(expected).norm().try_into().unwrap();
    apart / length
}

/// Labels put at their samples' places, −100 elsewhere.
fn placed(labels: &Tensor<1, Int>, index: &tch::Tensor, samples: i64) -> tch::Tensor {
    let mut all = tch::Tensor::full([samples], -100, (tch::Kind::Int64, tch::Device::Cpu));
    all.index_copy_(0, index, &to_tch_int(labels))
}

#[test]
fn sela_v1_labels_and_assignments() {
    let golden = Golden::read("sela-clustering-v1");
    let stop = Stop::Tolerance {
        tolerance: 0.1,
        check_every: 10,
        limit: 100_000,
    };
    for head in 0..2 {
        let weight = golden.get(&format!("param.top_layer.{head}.weight"));
        let bias = golden.get(&format!("param.top_layer.{head}.bias"));
        let logits = golden.get("bank.features").linear(&weight, Some(&bias));
        let sharp: Tensor<2> = from_tch(logits.log_softmax(1, tch::Kind::Double) * 25.0);
        let rows = |range: std::ops::Range<usize>| Ok(sharp.clone().slice_dim(0, range));
        let found = label_balanced(sharp.dims(), stop, &Ranks::single(), rows).unwrap();
        let expected = golden.get("expect.state.assignments").get(head);
        assert_eq!(
            placed(&found.labels, &golden.get("bank.index"), expected.size()[0]),
            expected
        );
        let soft = to_tch(&found.soft(&sharp));
        let apart = distance(&soft, &golden.get(&format!("expect.assignment.{head}")));
        assert!(apart < 1e-4, "assignment of head {head} is {apart} away");
    }
}

#[test]
fn sela_v2_labels_and_assignments() {
    let golden = Golden::read("sela-clustering-v2");
    for head in 0..3 {
        let bank = golden.get("bank.features").get(head % 2);
        let prototypes = unit_rows(golden.matrix(&format!("param.prototypes.{head}.weight")));
        let scores: Tensor<2> = from_tch::<2>(bank).matmul(prototypes.transpose()) / 0.05;
        let rows = |range: std::ops::Range<usize>| -> Result<_, BlockError> {
            Ok(scores.clone().slice_dim(0, range))
        };
        let found = label_balanced(scores.dims(), Stop::Rounds(3), &Ranks::single(), rows).unwrap();
        let expected = golden.get("expect.state.assignments").get(head);
        assert_eq!(
            placed(&found.labels, &golden.get("bank.index"), expected.size()[0]),
            expected
        );
        let soft = to_tch(&found.soft(&scores));
        let apart = distance(&soft, &golden.get(&format!("expect.assignment.{head}")));
        assert!(apart < 1e-4, "assignment of head {head} is {apart} away");
    }
}

#[test]
fn deepcluster_v1_whitening_and_inertia() {
    let golden = Golden::read("deepcluster-clustering-v1");
    let white = whiten(&golden.matrix("bank.features"), 40).unwrap();
    let first = white.clone().slice_dim(0, 0..48);
    let gram = to_tch(&first.clone().matmul(first.transpose()));
    let apart = distance(&gram, &golden.get("expect.gram"));
    assert!(apart < 1e-4, "gram matrix is {apart} away");
    let kmeans = KMeans {
        clusters: 6,
        iterations: 20,
        restarts: 1,
        metric: Metric::Euclidean,
        empty: Empty::Split,
        max_points: None,
    };
    let expected: f64 = golden.get("expect.inertia").try_into().unwrap();
    for seed in 0..10 {
        let found = kmeans
            .run(&white, &mut Random::new(seed, "clusters"), &Ranks::single())
            .unwrap();
        let ratio = found.inertia / expected;
        assert!(
            (0.999..1.02).contains(&ratio),
            "inertia of seed {seed} is {ratio} of the best"
        );
    }
}

#[test]
fn deepcluster_v2_inertia() {
    let golden = Golden::read("deepcluster-clustering-v2");
    let kmeans = KMeans {
        clusters: 6,
        iterations: 10,
        restarts: 1,
        metric: Metric::Spherical,
        empty: Empty::Keep,
        max_points: None,
    };
    for head in 0..3 {
        let bank: Tensor<2> = from_tch(golden.get("bank.features").get(head % 2));
        let expected = golden.get("expect.inertia").double_value(&[head]);
        for seed in 0..10 {
            let found = kmeans
                .run(&bank, &mut Random::new(seed, "clusters"), &Ranks::single())
                .unwrap();
            let ratio = found.inertia / expected;
            assert!(
                (0.999..1.02).contains(&ratio),
                "inertia of head {head} is {ratio} of the best"
            );
        }
    }
}

#[test]
fn pcl_assignments_and_inertia() {
    let golden = Golden::read("pcl-clustering-a");
    let points = golden.matrix("bank.features");
    for (m, clusters) in [6, 11, 16].into_iter().enumerate() {
        let centroids = golden.matrix(&format!("bank.centroids.{m}"));
        let found = nearest(&points, &centroids, Metric::Euclidean, &Ranks::single()).unwrap();
        let expected = golden.get("expect.state.assignments").get(m as i64);
        assert_eq!(
            placed(&found.labels, &golden.get("bank.index"), expected.size()[0]),
            expected
        );
        let kmeans = KMeans {
            clusters,
            iterations: 20,
            restarts: 5,
            metric: Metric::Euclidean,
            empty: Empty::Split,
            max_points: Some(1000),
        };
        let found = kmeans
            .run(
                &points,
                &mut Random::new(m as u64, "clusters"),
                &Ranks::single(),
            )
            .unwrap();
        let ratio = found.inertia / golden.get("expect.inertia").double_value(&[m as i64]);
        assert!(
            (0.999..1.25).contains(&ratio),
            "inertia of clustering {m} is {ratio} of the best"
        );
    }
}
