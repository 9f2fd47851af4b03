//! Standard errors, tests and corrections on the published table.

use crate::study::{SETS, close, golden, row, study};
use ssl_host::aggregate::{
    Aggregate, PairTests, Table, aggregate, flips, lead, pair_tests, rounding_range,
    standard_error, two_proportion_z, wilson,
};

fn unpaired(table: &Table, data_set: usize) -> PairTests {
    pair_tests(table, data_set, 0.05, |_, _| None)
}

fn z(table: &Table, set: usize, first: &str, second: &str) -> (f64, f64) {
    let cell = |name| table.cell(row(table, name), set).unwrap();
    let test = two_proportion_z(&cell(first), &cell(second));
    (test.z, test.p)
}

#[test]
fn counts_of_significant_pairs_are_exact() {
    let (table, golden) = (study(), golden());
    for (set, name) in SETS.iter().enumerate() {
        let tests = unpaired(&table, set);
        assert_eq!(tests.pairs.len(), 66);
        let expect = |key: &str, found: usize| {
            assert_eq!(
                golden[key][name].as_u64(),
                Some(found as u64),
                "{key} {name}"
            );
        };
        expect(
            "adjacent_not_significant_of_11",
            tests.adjacent_not_significant(&table),
        );
        expect("pairs_not_significant_of_66", tests.not_significant());
        expect("significant_after_holm", tests.significant_after_holm());
        expect("significant_after_bh", tests.significant_after_bh());
    }
}

#[test]
fn flips_against_val_are_exact() {
    let (table, golden) = (study(), golden());
    let val = unpaired(&table, 0);
    for (set, name) in SETS.iter().enumerate().skip(1) {
        let found = flips(&table, &val, &unpaired(&table, set));
        let expected = &golden["flips_vs_val"][name];
        assert_eq!(expected[0].as_u64(), Some(found.all.len() as u64), "{name}");
        assert_eq!(
            expected[1].as_u64(),
            Some(found.significant.len() as u64),
            "{name}"
        );
    }
    let on_a = flips(&table, &val, &unpaired(&table, 5));
    let over = |name| (row(&table, name), row(&table, "OBoW"));
    assert_eq!(on_a.significant, [over("DINO"), over("Swav"), over("MoCo")]);
}

#[test]
fn selected_z_and_p() {
    let table = study();
    for (set, first, second, expected_z, expected_p, digit) in [
        (0, "DINO", "Swav", 0.3654, 0.7148, 5e-5),
        (0, "Swav", "MoCo", 2.1822, 0.02909, 5e-6),
        (0, "MoCo", "Barlow", 4.3149, 1.60e-5, 5e-8),
        (1, "MoCo", "BYOL", 4.8077, 1.53e-6, 5e-9),
        (2, "MoCo", "VicReg", 1.8800, 0.06011, 5e-6),
        (3, "VicReg", "DeepC", 3.0912, 0.001993, 5e-7),
        (4, "MoCo", "Barlow", 16.8434, 0.0, 1e-12),
        (5, "OBoW", "Swav", 3.3122, 9.26e-4, 5e-7),
        (5, "DINO", "MoCo", 2.1608, 0.03071, 5e-6),
    ] {
        let (found_z, found_p) = z(&table, set, first, second);
        close(found_z, expected_z, 5e-5);
        close(found_p, expected_p, digit);
    }
}

#[test]
fn wilson_intervals_and_standard_errors() {
    let table = study();
    let interval = |name, set| wilson(&table.cell(row(&table, name), set).unwrap(), 0.95);
    for (name, set, low, high) in [
        ("DINO", 0, 74.719, 75.477),
        ("Swav", 0, 74.619, 75.378),
        ("OBoW", 5, 2.919, 3.729),
        ("MoCo", 5, 1.523, 2.126),
        ("SimCLR", 5, 0.888, 1.362),
    ] {
        let found = interval(name, set);
        close(found.0, low, 5e-4);
        close(found.1, high, 5e-4);
    }
    let se = |name, set| 100.0 * table.cell(row(&table, name), set).unwrap().standard_error();
    close(se("DINO", 0), 0.1934, 5e-5);
    close(se("MoCo", 3), 0.2480, 5e-5);
    close(se("SeLa", 2), 0.4988, 5e-5);
}

#[test]
fn standard_errors_of_aggregates_and_the_two_leads() {
    let table = study();
    let all = [0, 1, 2, 3, 4, 5];
    let se = |kind, name| standard_error(&table, &all, kind, row(&table, name)).unwrap();
    close(se(Aggregate::Weighted, "MoCo"), 0.094279, 5e-7);
    close(se(Aggregate::Weighted, "DINO"), 0.090101, 5e-7);
    close(se(Aggregate::Geometric, "OBoW"), 0.296490, 5e-7);
    close(se(Aggregate::Geometric, "MoCo"), 0.395776, 5e-7);
    close(se(Aggregate::Geometric, "DINO"), 0.335420, 5e-7);

    let by = |kind| lead(&table, &all, &aggregate(&table, &all, kind)).unwrap();
    let weighted = by(Aggregate::Weighted);
    assert_eq!(
        (weighted.leader, weighted.runner_up),
        (row(&table, "MoCo"), row(&table, "DINO"))
    );
    close(weighted.gap, 2.365978, 5e-7);
    close(weighted.standard_error, 0.1304, 5e-5);
    close(weighted.z, 18.14, 5e-3);
    let geometric = by(Aggregate::Geometric);
    assert_eq!(
        (geometric.leader, geometric.runner_up),
        (row(&table, "OBoW"), row(&table, "MoCo"))
    );
    close(geometric.gap, 0.01144, 5e-6);
    close(geometric.z, 0.0231, 5e-5);
    close(geometric.stays_ahead, 0.509, 5e-4);
}

#[test]
fn rounding_alone_can_swap_the_geometric_winner() {
    let table = study();
    let range = |name| {
        rounding_range(
            &table,
            &[0, 1, 2, 3, 4, 5],
            Aggregate::Geometric,
            row(&table, name),
        )
        .unwrap()
    };
    let (obow, moco) = (range("OBoW"), range("MoCo"));
    close(obow.0, 27.3136, 5e-5);
    close(obow.1, 27.5191, 5e-5);
    close(moco.0, 27.2493, 5e-5);
    close(moco.1, 27.5586, 5e-5);
}
