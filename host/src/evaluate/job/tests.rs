//! All protocols over small sets whose scores are known.
#![expect(clippy::unwrap_used, reason = "tests")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use super::*;
use crate::evaluate::predictions::{Group, read_groups, read_outcomes};
use crate::evaluate::{EvaluateError, FeatureSet, Labels};

/// Clusters on the axes; class = axis. `rows` gives each sample's axis and labels.
fn set(id: &str, rows: &[(usize, Vec<u32>)], subset: Option<Vec<u32>>, seed: u64) -> FeatureSet {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = rows
        .iter()
        .flat_map(|&(axis, _)| {
            let mut row: Vec<f32> = (0..6).map(|_| rng.random_range(-0.1..0.1)).collect();
            row[axis] += 1.0;
            row
        })
        .collect();
    let features = Tensor::from_slice(&values).reshape([rows.len() as i64, 6]);
    let mut labels = Labels::from_rows(rows.iter().map(|row| &row.1), 6).unwrap();
    if let Some(subset) = subset {
        labels = labels.with_subset(subset).unwrap();
    }
    let ids = (0..rows.len()).map(|i| format!("{id}-{i}")).collect();
    FeatureSet::try_new(id, features, labels, ids).unwrap()
}

pub(super) fn train() -> FeatureSet {
    let rows: Vec<(usize, Vec<u32>)> = (0..120).map(|i| (i % 6, vec![(i % 6) as u32])).collect();
    set("train", &rows, None, 0)
}

pub(super) fn linear() -> LinearProtocol {
    LinearProtocol {
        epochs: Some(10),
        batch_size: 16,
        ..LinearProtocol::default()
    }
}

/// A framework's own recipe of a few steps.
pub(super) fn recipe() -> LinearRecipe {
    LinearRecipe {
        epochs: 20,
        batch_size: 32,
        ..serde_json::from_value(serde_json::json!({
            "epochs": 1, "batch_size": 1, "optimizer": {"kind": "sgd", "momentum": 0.9, "nesterov": false},
            "lr": 0.1, "weight_decay": 0.0, "schedule": {"kind": "cosine"},
        }))
        .unwrap()
    }
}

#[test]
fn evaluation_scores_all_sets_spaces_and_variants() {
    let train = train();
    let val = set(
        "val",
        &[(0, vec![0]), (1, vec![1]), (2, vec![5]), (4, vec![4])],
        None,
        1,
    );
    let real = set(
        "real",
        &[(0, vec![0, 3]), (1, vec![]), (2, vec![5])],
        None,
        2,
    );
    // The first image looks like class 2, which the subset does not have.
    let r = set("r", &[(2, vec![1]), (4, vec![4])], Some(vec![1, 4]), 3);
    let test = |set, reference| TestSet { set, reference };
    let tests = [test(&val, true), test(&real, false), test(&r, false)];
    let folder = tempfile::tempdir().unwrap();
    let linear = linear();
    let report = run(
        &EvalJob {
            train: &train,
            augmented: &[],
            tests: &tests,
            protocols: Protocols {
                knn: Some(&KnnProtocol::default()),
                linear: Some(&linear),
                paper: None,
            },
            device: tch::Device::Cpu,
            pulse: Pulse::STILL,
            predictions: Some(folder.path()),
            states: None,
        },
        Vec::new(),
    )
    .unwrap();

    // 4 values of k and 3 seeds, in 2 + 1 + 2 spaces.
    assert_eq!(report.evaluations.len(), 7 * 5);
    for protocol in [KNN, LINEAR_SHARED_CACHED] {
        let counts = |dataset: &str, space: &str| {
            let headline: Vec<_> = report
                .evaluations
                .iter()
                .filter(|e| e.protocol.id == protocol && e.headline)
                .filter(|e| e.dataset == dataset && e.label_space.to_string() == space)
                .collect();
            assert_eq!(headline.len(), 1, "{protocol} {dataset} {space}");
            (headline[0].correct, headline[0].n, headline[0].excluded)
        };
        assert_eq!(counts("val", "full-6"), (3, 4, 0));
        assert_eq!(counts("val", "subset-2@r"), (2, 2, 2));
        assert_eq!(counts("real", "full-6"), (1, 2, 1));
        assert_eq!(counts("r", "full-6"), (1, 2, 0));
    }
    let details = report.linear.unwrap();
    assert_eq!((details.grid.len(), details.held_out), (13, 12));
    assert!(details.grid.iter().all(|point| point.held_out.len() == 3));

    let path = folder.path().join("real.parquet");
    assert_eq!(read_groups(&path).unwrap().len(), 7);
    let group = Group {
        protocol: KNN.to_owned(),
        variant: "k=20".to_owned(),
        label_space: "full-6".to_owned(),
    };
    let outcomes = read_outcomes(&path, &group).unwrap();
    assert_eq!(outcomes[0], ("real-0".to_owned(), Some(true)));
    assert_eq!(outcomes[1].1, None);
    assert_eq!(outcomes[2].1, Some(false));
}

#[test]
fn test_sets_of_another_shape_or_label_space_are_refused() {
    let train = train();
    let job = |set: &FeatureSet| {
        run(
            &EvalJob {
                train: &train,
                augmented: &[],
                tests: &[TestSet {
                    set,
                    reference: false,
                }],
                protocols: Protocols {
                    knn: Some(&KnnProtocol::default()),
                    linear: None,
                    paper: None,
                },
                device: tch::Device::Cpu,
                pulse: Pulse::STILL,
                predictions: None,
                states: None,
            },
            Vec::new(),
        )
    };
    let build = |id: &str, dim: i64, classes| {
        let features = Tensor::ones([2, dim], (tch::Kind::Float, tch::Device::Cpu));
        let labels = Labels::single(&[0, 1], classes).unwrap();
        FeatureSet::try_new(id, features, labels, vec!["a".into(), "b".into()]).unwrap()
    };
    assert!(job(&build("val", 6, 6)).is_ok());
    assert!(matches!(
        job(&build("val", 5, 6)),
        Err(EvaluateError::Shape { .. })
    ));
    assert!(matches!(
        job(&build("val", 6, 7)),
        Err(EvaluateError::LabelSpace { .. })
    ));
    assert!(matches!(
        job(&build("../val", 6, 6)),
        Err(EvaluateError::Setting { .. })
    ));
}

/// Beats of the evaluation of the test below.
static BEATS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

#[test]
fn every_protocol_shows_that_it_lives_and_ends_when_it_is_asked_to() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (train, linear) = (train(), linear());
    let recipe = recipe();
    let all = [
        (Some(KnnProtocol::default()), None, None),
        (None, Some(&linear), None),
        (None, None, Some((&recipe, &linear))),
    ];
    let val = set("val", &[(0, vec![0]), (1, vec![1])], None, 4);
    for (knn, linear, paper) in all {
        let stopped = AtomicBool::new(false);
        let evaluate = || {
            let job = EvalJob {
                train: &train,
                augmented: &[],
                tests: &[TestSet {
                    set: &val,
                    reference: true,
                }],
                protocols: Protocols {
                    knn: knn.as_ref(),
                    linear,
                    paper,
                },
                device: Device::Cpu,
                pulse: Pulse::new(&stopped, || {
                    BEATS.fetch_add(1, Ordering::Relaxed);
                }),
                predictions: None,
                states: None,
            };
            let before = BEATS.load(Ordering::Relaxed);
            let ended = run(&job, Vec::new());
            (ended, BEATS.load(Ordering::Relaxed) - before)
        };
        let (ended, beats) = evaluate();
        assert!(ended.is_ok());
        // One for each tile of neighbours, one for each step of heads, one to rank and one to write.
        let least = if knn.is_some() { 3 } else { 20 };
        assert!(beats >= least, "{beats} beats");
        stopped.store(true, Ordering::Relaxed);
        let (ended, beats) = evaluate();
        assert!(matches!(ended, Err(EvaluateError::Cancelled)));
        assert_eq!(beats, 1);
    }
}
