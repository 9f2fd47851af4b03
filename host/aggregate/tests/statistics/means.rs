//! Means and ranks of the published table.

use crate::study::{golden, study};
use ssl_aggregate::{
    Aggregate, Pool, Rank, Table, aggregate, ranks, smoothed_geometric, standard_error,
};

fn floats(value: &serde_json::Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect()
}

fn values(table: &Table, pool: &Pool, kind: Aggregate) -> Vec<f64> {
    aggregate(table, &pool.data_sets, kind)
        .values
        .into_iter()
        .map(Option::unwrap)
        .collect()
}

#[test]
fn means_of_both_pools_match_to_1e_9() {
    let (table, golden) = (study(), golden());
    let pools = [Pool::all(&table), Pool::without_reference(&table, 0)];
    for (key, pool, kind) in [
        ("wavg6", 0, Aggregate::Weighted),
        ("amean6", 0, Aggregate::Arithmetic),
        ("gmean6", 0, Aggregate::Geometric),
        ("wavg5", 1, Aggregate::Weighted),
        ("gmean5", 1, Aggregate::Geometric),
    ] {
        for (found, expected) in values(&table, &pools[pool], kind)
            .iter()
            .zip(floats(&golden[key]))
        {
            assert!(
                (found - expected).abs() < 1e-9,
                "{key}: expected {expected}, found {found}"
            );
        }
    }
}

#[test]
fn the_other_means_match_the_published_digits() {
    let table = study();
    let pool = Pool::all(&table);
    let weighted_geometric = values(&table, &pool, Aggregate::WeightedGeometric);
    for (row, expected) in [
        (2, 42.262314),
        (5, 38.611700),
        (3, 38.493204),
        (0, 38.042338),
    ] {
        assert!((weighted_geometric[row] - expected).abs() < 5e-7);
    }
    let harmonic = values(&table, &pool, Aggregate::Harmonic);
    for (row, expected) in [
        (6, 13.340599),
        (1, 10.640133),
        (0, 10.315247),
        (2, 8.863141),
    ] {
        assert!((harmonic[row] - expected).abs() < 5e-7);
    }
    assert_eq!(
        aggregate(&table, &pool.data_sets, Aggregate::WeightedGeometric).ranks[0]
            .unwrap()
            .min,
        7
    );
    assert_eq!(
        aggregate(&table, &pool.data_sets, Aggregate::Harmonic).ranks[2]
            .unwrap()
            .min,
        4
    );
}

#[test]
fn ranks_are_exact_with_the_ties_of_the_decimals() {
    let table = study();
    let average = [
        [1.0, 1.0, 1.0, 6.5, 8.0, 3.0],
        [2.0, 2.5, 2.0, 8.0, 7.0, 2.0],
        [3.0, 2.5, 3.0, 1.0, 1.0, 4.0],
        [4.5, 5.0, 7.0, 3.0, 2.0, 7.0],
        [4.5, 6.0, 4.5, 4.0, 4.0, 5.5],
        [6.0, 4.0, 6.0, 2.0, 3.0, 5.5],
        [7.0, 7.0, 4.5, 6.5, 5.0, 1.0],
        [8.0, 8.0, 8.0, 5.0, 6.0, 8.0],
        [9.0, 9.0, 9.0, 10.0, 10.0, 10.5],
        [10.0, 10.0, 12.0, 12.0, 12.0, 12.0],
        [11.0, 11.0, 11.0, 9.0, 9.0, 9.0],
        [12.0, 12.0, 10.0, 11.0, 11.0, 10.5],
    ];
    let min = [
        [1, 1, 1, 6, 8, 3],
        [2, 2, 2, 8, 7, 2],
        [3, 2, 3, 1, 1, 4],
        [4, 5, 7, 3, 2, 7],
        [4, 6, 4, 4, 4, 5],
        [6, 4, 6, 2, 3, 5],
        [7, 7, 4, 6, 5, 1],
        [8, 8, 8, 5, 6, 8],
        [9, 9, 9, 10, 10, 10],
        [10, 10, 12, 12, 12, 12],
        [11, 11, 11, 9, 9, 9],
        [12, 12, 10, 11, 11, 10],
    ];
    for set in 0..6 {
        let found: Vec<Rank> = ranks(&table, set).into_iter().map(Option::unwrap).collect();
        for framework in 0..12 {
            assert_eq!(found[framework].average(), average[framework][set]);
            assert_eq!(found[framework].min, min[framework][set]);
        }
    }
    let mean_rank = values(&table, &Pool::all(&table), Aggregate::MeanRank);
    for (found, row) in mean_rank.iter().zip(average) {
        assert!((found - row.iter().sum::<f64>() / 6.0).abs() < 1e-12);
    }
    assert_eq!(
        aggregate(&table, &[0, 1, 2, 3, 4, 5], Aggregate::MeanRank).leaders(),
        [2]
    );
}

#[test]
fn the_two_pools_exchange_second_place() {
    let table = study();
    let order = |pool: &[usize]| aggregate(&table, pool, Aggregate::Weighted).order();
    assert_eq!(order(&[0, 1, 2, 3, 4, 5])[..2], [2, 0]);
    assert_eq!(order(&[1, 2, 3, 4, 5])[..2], [2, 5]);
}

#[test]
fn a_smoothed_geometric_mean_stays_near_without_zeros() {
    let table = study();
    let smoothed = smoothed_geometric(&table, &[5]);
    // OBoW on A: (247.5 + 0.5) / 7501.
    assert!((smoothed[6].unwrap() - 100.0 * 248.0 / 7501.0).abs() < 1e-12);
}

#[test]
fn nothing_is_known_over_no_data_sets() {
    let table = study();
    for kind in Aggregate::ALL {
        assert!(
            aggregate(&table, &[], kind)
                .values
                .iter()
                .all(Option::is_none)
        );
        assert_eq!(standard_error(&table, &[], kind, 0), None);
    }
}
