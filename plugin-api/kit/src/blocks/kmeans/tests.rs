//! Tests of whole k-means runs.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::blocks::testing::{close, cpu, matrix, values};
use crate::ranks::testing::on_ranks;

fn plan(clusters: usize, metric: Metric, empty: Empty) -> KMeans {
    KMeans {
        clusters,
        iterations: 10,
        restarts: 1,
        metric,
        empty,
        max_points: None,
    }
}

fn labels(clustering: &Clustering) -> Vec<i64> {
    clustering.labels.clone().try_into_vec_as().unwrap()
}

/// Three far groups of 1, 2 and 3 points.
fn groups() -> Tensor<2> {
    matrix([
        [10.0, 0.0],
        [0.0, 10.0],
        [0.0, 12.0],
        [-10.0, -1.0],
        [-10.0, 0.0],
        [-10.0, 1.0],
    ])
}

#[test]
fn far_groups_are_found_and_measured() {
    let kmeans = KMeans {
        restarts: 20,
        ..plan(3, Metric::Euclidean, Empty::Split)
    };
    let found = kmeans
        .run(&groups(), &mut Random::new(1, "kmeans"), &Ranks::single())
        .unwrap();
    let l = labels(&found);
    assert!(l[1] == l[2] && l[3] == l[4] && l[4] == l[5]);
    assert!(l[0] != l[1] && l[1] != l[3] && l[0] != l[3]);
    close(
        &values(found.distances),
        &[0.0, 1.0, 1.0, 1.0, 0.0, 1.0],
        1e-6,
    );
    assert!((found.inertia - 4.0).abs() < 1e-6);
    let centre = values(
        found
            .centroids
            .slice_dim(0, l[1] as usize..l[1] as usize + 1),
    );
    close(&centre, &[0.0, 11.0], 1e-6);
}

#[test]
fn the_metrics_differ() {
    // A short vector near the origin: by angle it belongs to the first centroid, by distance to the second.
    let centroids = matrix([[4.0, 0.0], [0.0, 0.5]]);
    let point = matrix([[0.4, 0.1]]);
    let by = |metric| labels(&nearest(&point, &centroids, metric, &Ranks::single()).unwrap());
    assert_eq!(by(Metric::Spherical), [0]);
    assert_eq!(by(Metric::Euclidean), [1]);
}

#[test]
fn spherical_centroids_have_unit_length_and_the_inertia_of_cosines() {
    let angle = |a: f32| [a.cos(), a.sin()];
    let points = matrix([angle(0.0), angle(0.2), angle(3.0), angle(3.3), angle(3.1)]);
    let kmeans = KMeans {
        restarts: 5,
        ..plan(2, Metric::Spherical, Empty::Keep)
    };
    let found = kmeans
        .run(&points, &mut Random::new(1, "kmeans"), &Ranks::single())
        .unwrap();
    let centroids = values(found.centroids.clone());
    for row in centroids.chunks(2) {
        assert!((row[0].hypot(row[1]) - 1.0).abs() < 1e-6);
    }
    let l = labels(&found);
    close(&centroids[2 * l[0] as usize..][..2], &angle(0.1), 1e-6);
    let cosines = values((points * found.centroids.select(0, found.labels)).sum_dim(1));
    let expected: f32 = cosines.iter().map(|c| 2.0 * (1.0 - c)).sum();
    assert!((found.inertia as f32 - expected).abs() < 1e-5);
}

#[test]
fn an_empty_cluster_keeps_its_centroid_or_splits_another() {
    // Two equal points: whichever cluster comes second loses both ties and is empty.
    let points = matrix([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [3.0, 4.0]]);
    let start = |empty| {
        let kmeans = KMeans {
            iterations: 1,
            ..plan(4, Metric::Euclidean, empty)
        };
        let found = kmeans
            .run(&points, &mut Random::new(4, "kmeans"), &Ranks::single())
            .unwrap();
        values(found.centroids)
    };
    let ones = |centroids: &[f32]| centroids.chunks(2).filter(|c| **c == [1.0, 0.0]).count();
    assert_eq!(ones(&start(Empty::Keep)), 3);
    assert_eq!(ones(&start(Empty::Split)), 0);
}

#[test]
fn ranks_find_what_one_process_finds() {
    let clustered = |ranks: &Ranks| {
        let kmeans = plan(2, Metric::Euclidean, Empty::Keep);
        let found = kmeans
            .run(&groups(), &mut Random::new(9, "kmeans"), ranks)
            .unwrap();
        let mut numbers = values(found.centroids.clone());
        numbers.extend(values(found.distances.clone()));
        numbers.push(found.inertia as f32);
        (labels(&found), numbers)
    };
    // Parts of 1, 2, 1 and 2 of the six points.
    let found = on_ranks(4, |ranks| clustered(&ranks));
    let whole = clustered(&Ranks::single());
    for (labels, numbers) in found {
        assert_eq!(labels, whole.0);
        close(&numbers, &whole.1, 1e-5);
    }
}

#[test]
fn one_seed_gives_one_clustering() {
    let mut random = Random::new(11, "points");
    let points: Tensor<2> = random.normal([300, 4], 0.0, 1.0, &cpu());
    let kmeans = KMeans {
        max_points: Some(10),
        restarts: 2,
        ..plan(8, Metric::Euclidean, Empty::Split)
    };
    let run = |seed| {
        let found = kmeans
            .run(&points, &mut Random::new(seed, "kmeans"), &Ranks::single())
            .unwrap();
        (values(found.centroids.clone()), labels(&found))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn restarts_and_iterations_lower_the_inertia() {
    let mut random = Random::new(12, "points");
    let points: Tensor<2> = random.normal([400, 3], 0.0, 1.0, &cpu());
    let inertia = |iterations, restarts| {
        let kmeans = KMeans {
            iterations,
            restarts,
            ..plan(10, Metric::Euclidean, Empty::Split)
        };
        kmeans
            .run(&points, &mut Random::new(1, "kmeans"), &Ranks::single())
            .unwrap()
            .inertia
    };
    assert!(inertia(1, 1) > inertia(5, 1) && inertia(5, 1) > inertia(20, 1));
    assert!(inertia(20, 10) <= inertia(20, 1));
}

#[test]
fn settings_are_checked() {
    let error = |kmeans: KMeans| {
        kmeans
            .run(&groups(), &mut Random::new(1, "x"), &Ranks::single())
            .unwrap_err()
            .to_string()
    };
    let plan = |clusters| plan(clusters, Metric::Euclidean, Empty::Keep);
    assert_eq!(
        error(plan(7)),
        "expected clusters of at most 6 points, found 7 (k-means)"
    );
    assert_eq!(
        error(plan(0)),
        "expected clusters of at least 1, found 0 (k-means)"
    );
    assert_eq!(
        error(KMeans {
            restarts: 0,
            ..plan(2)
        }),
        "expected restarts of at least 1, found 0 (k-means)"
    );
    let points = matrix([[f32::NAN, 1.0], [0.0, 0.0]]);
    let nan = plan(1)
        .run(&points, &mut Random::new(1, "x"), &Ranks::single())
        .unwrap_err();
    assert!(matches!(nan, BlockError::NotFinite { .. }));
}
