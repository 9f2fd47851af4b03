//! Correlations of the published table with val.

use crate::study::{SETS, close, golden, row, study};
use ssl_aggregate::{correlations, pearson};

#[test]
fn coefficients_match_to_1e_10_relative() {
    let (table, golden) = (study(), golden());
    for (set, name) in SETS.iter().enumerate().skip(1) {
        let found = correlations(&table, 0, set, 0.95, 100, 1);
        let expected = &golden["corr_with_val"][name];
        for (key, value) in [
            ("pearson", found.pearson.value),
            ("spearman", found.spearman.value),
            ("kendall_b", found.kendall.value),
        ] {
            let expected = expected[key].as_f64().unwrap();
            close(value.unwrap(), expected, 1e-10 * expected.abs());
        }
        let pairs = found.pairs.unwrap();
        assert_eq!(expected["C"].as_u64(), Some(pairs.concordant));
        assert_eq!(expected["D"].as_u64(), Some(pairs.discordant));
    }
}

#[test]
fn p_values_intervals_and_ties_match_the_published_digits() {
    let table = study();
    // Pearson p, Spearman p, Kendall p, ties on val and on the set, Fisher interval.
    for (set, p, ties, interval) in [
        (1, [3.12e-12, 6.76e-8, 3.57e-5], (1, 1), (0.9878, 0.9991)),
        (2, [2.15e-10, 1.34e-5, 3.40e-4], (1, 1), (0.9717, 0.9979)),
        (3, [0.01648, 0.03114, 0.03875], (1, 1), (0.1613, 0.8995)),
        (4, [0.02629, 0.03539, 0.03311], (1, 0), (0.0974, 0.8863)),
        (5, [0.02123, 0.00246, 0.00464], (1, 2), (0.1271, 0.8926)),
    ] {
        let found = correlations(&table, 0, set, 0.95, 100, 1);
        let estimates = [found.pearson, found.spearman, found.kendall];
        for (estimate, expected) in estimates.iter().zip(p) {
            close(estimate.p.unwrap(), expected, 3e-3 * expected);
        }
        let pairs = found.pairs.unwrap();
        assert_eq!((pairs.ties_x, pairs.ties_y), ties);
        let (low, high) = found.pearson.interval.unwrap();
        close(low, interval.0, 5e-5);
        close(high, interval.1, 5e-5);
    }
}

#[test]
fn regression_lines_and_leave_one_out() {
    let table = study();
    for (set, slope, intercept, r_squared) in [
        (1, 0.892589, 14.573277, 0.993386),
        (2, 1.019872, -14.933188, 0.984586),
        (3, 0.457745, -13.587946, 0.452797),
        (4, 0.505964, -16.233484, 0.404178),
        (5, 0.126559, -7.296569, 0.426836),
    ] {
        let line = correlations(&table, 0, set, 0.95, 10, 1).line.unwrap();
        close(line.slope, slope, 5e-7);
        close(line.intercept, intercept, 5e-7);
        close(line.r_squared, r_squared, 5e-7);
    }
    let range = |set| {
        correlations(&table, 0, set, 0.95, 10, 1)
            .leave_one_out
            .unwrap()
    };
    let on_a = range(5);
    close(on_a.lowest.0, 0.6082, 5e-5);
    close(on_a.highest.0, 0.8577, 5e-5);
    assert_eq!(on_a.lowest.1, row(&table, "Swav"));
    assert_eq!(on_a.highest.1, row(&table, "OBoW"));
    let on_r = range(3);
    assert_eq!(on_r.lowest.1, row(&table, "SimCLR"));
    close(on_r.lowest.0, 0.6105, 5e-5);
    close(on_r.highest.0, 0.7373, 5e-5);
}

#[test]
fn adversarial_accuracies_hardly_correlate_with_other_sets() {
    let table = study();
    let between = |a: usize, b: usize| {
        let percent = |set| (0..12).map(move |row| (row, set));
        let value = |(row, set)| study().cell(row, set).unwrap().percent();
        let points: Vec<_> = percent(a).map(value).zip(percent(b).map(value)).collect();
        pearson(&points).unwrap()
    };
    assert_eq!(table.data_sets().len(), 6);
    close(between(3, 4), 0.9953, 5e-5);
    close(between(5, 3), 0.2478, 5e-5);
    close(between(5, 4), 0.2199, 5e-5);
}

#[test]
fn bootstrap_intervals_repeat_and_contain_the_estimate() {
    let table = study();
    let found = correlations(&table, 0, 3, 0.95, 500, 7);
    assert_eq!(found, correlations(&table, 0, 3, 0.95, 500, 7));
    for estimate in [found.pearson, found.spearman, found.kendall] {
        let (low, high) = estimate.bootstrap.unwrap();
        let value = estimate.value.unwrap();
        assert!(
            low < value && value < high && high - low > 0.1,
            "{estimate:?}"
        );
    }
}
