//! Hand-made predictions for all six test sets, scored and written; the counts were worked out by
//! hand.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use ssl_host::evaluate::predictions::{Group, read_outcomes};
use ssl_host::evaluate::record::{ProtocolRef, TestSetScore, Variant};
use ssl_host::evaluate::{
    EvalJob, FeatureSet, Labels, Protocols, Ranking, TestSet, VariantRanking, run, spaces,
};
use ssl_host::progress::Pulse;
use tch::{Device, Kind, Tensor};

const CLASSES: usize = 8;

/// A test set: each image's labels and its classes from the best down; the rest are equal.
struct Made {
    id: &'static str,
    images: &'static [(&'static [u32], &'static [usize])],
    subset: Option<&'static [u32]>,
}

/// `val` and `real` are the same five images.
const VAL: &[(&[u32], &[usize])] = &[
    (&[1], &[1, 0, 2, 4, 5]),
    (&[3], &[2, 3, 0, 4, 5]),
    (&[5], &[5, 1, 2, 4, 7]),
    (&[6], &[0, 1, 2, 3, 4]),
    (&[2], &[7, 2, 1, 0, 3]),
];
const REAL: &[(&[u32], &[usize])] = &[
    (&[1], &[1, 0, 2, 4, 5]),
    (&[2, 3], &[2, 3, 0, 4, 5]),
    (&[], &[5, 1, 2, 4, 7]),
    (&[6, 7], &[0, 1, 2, 3, 4]),
    (&[2, 7], &[7, 2, 1, 0, 3]),
];

const SETS: [Made; 6] = [
    Made {
        id: "val",
        images: VAL,
        subset: None,
    },
    Made {
        id: "real",
        images: REAL,
        subset: None,
    },
    Made {
        id: "v2",
        images: &[(&[0], &[0]), (&[4], &[1, 4, 2, 3, 5]), (&[7], &[7])],
        subset: None,
    },
    Made {
        id: "rendition",
        images: &[
            (&[1], &[2, 1, 3, 6, 0]),
            (&[3], &[3]),
            // None of the subset is listed, so all three are equal and the lowest class wins.
            (&[6], &[0, 2, 4, 5, 7]),
            (&[6], &[7, 6, 1, 3, 0]),
        ],
        subset: Some(&[1, 3, 6]),
    },
    Made {
        id: "sketch",
        images: &[(&[2], &[2]), (&[2], &[3, 0, 1, 4, 5])],
        subset: None,
    },
    Made {
        id: "adversarial",
        images: &[(&[0], &[1, 2, 4, 0, 6]), (&[5], &[3, 5, 0, 1, 2])],
        subset: Some(&[0, 3, 5]),
    },
];

fn features(id: &str, labels: Labels) -> FeatureSet {
    let rows = labels.len();
    let ids = (0..rows).map(|n| format!("{id}-{n}")).collect();
    let features = Tensor::ones([rows as i64, 1], (Kind::Float, Device::Cpu));
    FeatureSet::try_new(id, features, labels, ids).unwrap()
}

fn made(set: &Made) -> FeatureSet {
    let labels = Labels::from_rows(set.images.iter().map(|image| image.0), CLASSES).unwrap();
    features(
        set.id,
        match set.subset {
            Some(subset) => labels.with_subset(subset.to_vec()).unwrap(),
            None => labels,
        },
    )
}

fn scored(folder: &Path) -> Vec<TestSetScore> {
    let train = features("train", Labels::single(&[0, 1], CLASSES).unwrap());
    let sets: Vec<FeatureSet> = SETS.iter().map(made).collect();
    let tests: Vec<TestSet<'_>> = sets
        .iter()
        .enumerate()
        .map(|(n, set)| TestSet {
            set,
            reference: n == 0,
        })
        .collect();
    let varieties = tests.iter().zip(&SETS).map(|(test, made)| {
        let rankings = spaces(test, &tests)
            .iter()
            .map(|space| {
                let mut ranking = Ranking::new(space);
                for (_, order) in made.images {
                    let mut logits = [0.0_f32; CLASSES];
                    for (place, &class) in order.iter().enumerate() {
                        logits[class] = 1.0 - 0.1 * place as f32;
                    }
                    ranking.push(space, &logits);
                }
                ranking
            })
            .collect();
        vec![VariantRanking {
            protocol: ProtocolRef::new("made", &0),
            variant: Variant::Knn { k: 1, used: 1 },
            headline: true,
            rankings,
        }]
    });
    let job = EvalJob {
        train: &train,
        augmented: &[],
        tests: &tests,
        protocols: Protocols {
            knn: None,
            linear: None,
            paper: None,
        },
        device: tch::Device::Cpu,
        pulse: Pulse::STILL,
        predictions: Some(folder),
        states: None,
    };
    run(&job, varieties.collect()).unwrap().evaluations
}

#[test]
fn scores_of_six_sets_match_hand_computation() {
    let folder = tempfile::tempdir().unwrap();
    let evaluations = scored(folder.path());
    // Set, label space, correct, scored, correct among five, left out.
    let expected = [
        ("val", "full-8", 2, 5, 4, 0),
        ("val", "subset-3@rendition", 2, 3, 3, 2),
        ("val", "subset-3@adversarial", 2, 2, 2, 3),
        ("real", "full-8", 3, 4, 3, 1),
        ("v2", "full-8", 2, 3, 3, 0),
        ("rendition", "full-8", 1, 4, 3, 0),
        ("rendition", "subset-3@rendition", 3, 4, 4, 0),
        ("sketch", "full-8", 1, 2, 1, 0),
        ("adversarial", "full-8", 0, 2, 2, 0),
        ("adversarial", "subset-3@adversarial", 1, 2, 2, 0),
    ];
    let spaces: Vec<String> = evaluations
        .iter()
        .map(|e| e.label_space.to_string())
        .collect();
    let found: Vec<_> = evaluations
        .iter()
        .zip(&spaces)
        .map(|(e, space)| {
            (
                e.dataset.as_str(),
                space.as_str(),
                e.correct,
                e.n,
                e.correct_top5,
                e.excluded,
            )
        })
        .collect();
    assert_eq!(found, expected);

    let classes = |set: &str, space: &str| -> Vec<(u32, u64, u64)> {
        let found = evaluations
            .iter()
            .find(|e| e.dataset == set && e.label_space.to_string() == space)
            .unwrap();
        let counts = found.per_class.iter();
        counts.map(|c| (c.class, c.correct, c.n)).collect()
    };
    assert_eq!(
        classes("real", "full-8"),
        [(1, 1, 1), (2, 2, 2), (3, 1, 1), (6, 0, 1), (7, 1, 2)]
    );
    assert_eq!(classes("sketch", "full-8"), [(2, 1, 2)]);
    assert_eq!(
        classes("rendition", "subset-3@rendition"),
        [(1, 1, 1), (3, 1, 1), (6, 1, 2)]
    );

    // The files say the same, image by image.
    for evaluation in &evaluations {
        let path = folder
            .path()
            .join(format!("{}.parquet", evaluation.dataset));
        let group = Group {
            protocol: "made".to_owned(),
            variant: "k=1".to_owned(),
            label_space: evaluation.label_space.to_string(),
        };
        let outcomes = read_outcomes(&path, &group).unwrap();
        let count = |wanted| outcomes.iter().filter(|(_, it)| *it == wanted).count() as u64;
        assert_eq!(count(Some(true)), evaluation.correct);
        assert_eq!(count(Some(false)), evaluation.n - evaluation.correct);
        assert_eq!(count(None), evaluation.excluded);
    }
}
