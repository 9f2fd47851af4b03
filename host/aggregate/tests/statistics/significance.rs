//! Standard errors, tests and corrections on the published table.

use crate::study::{SETS, close, golden, relabelled, row, study};
use ssl_aggregate::{
    Aggregate, Lead, PairTests, Pool, Redraws, Table, aggregate, bootstrap, flips, holm_over_all,
    pair_tests, rounding_range, standard_error, standard_error_of_shared_images, two_proportion_z,
    wilson,
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

/// The lead by an aggregate over `pool`, from counts alone.
fn lead(table: &Table, pool: &[usize], kind: Aggregate) -> Lead {
    let pool = Pool {
        name: "asked".to_owned(),
        data_sets: pool.to_vec(),
    };
    let tests: Vec<_> = (0..6).map(|set| unpaired(table, set)).collect();
    let redraws = Redraws {
        draws: 100,
        seed: 0,
        alpha: 0.05,
    };
    let found = bootstrap(
        table,
        &vec![None; 6],
        &tests,
        std::slice::from_ref(&pool),
        redraws,
    );
    let scores = aggregate(table, &pool.data_sets, kind);
    let mut kinds = found.pools[0].iter();
    let found = kinds.find(|found| found.aggregate == kind).unwrap();
    found.comparisons.as_ref().unwrap().lead(&scores).unwrap()
}

#[test]
fn flips_shrink_with_the_correction_for_many_pairs() {
    let table = study();
    let mut tests: Vec<_> = (0..6).map(|set| unpaired(&table, set)).collect();
    holm_over_all(&mut tests);
    let counts = |set: usize| {
        let found = flips(&table, &tests[0], &tests[set]);
        [
            found.significant.len(),
            found.after_holm.len(),
            found.after_holm_over_all.len(),
        ]
    };
    assert_eq!(
        [counts(3), counts(4), counts(5)],
        [[10, 7, 5], [12, 7, 6], [3, 3, 2]]
    );
}

#[test]
fn images_that_two_sets_share_make_the_lead_less_certain() {
    let mut table = study();
    let all = [0, 1, 2, 3, 4, 5];
    assert_eq!(
        lead(&table, &all, Aggregate::Weighted).z_shared_images,
        None
    );
    table = relabelled(&table);
    let found = lead(&table, &all, Aggregate::Weighted);
    close(found.z, 18.1, 0.05);
    close(found.z_shared_images.unwrap(), 14.8, 0.05);
    let moco = row(&table, "MoCo");
    // (n σ of Val + n σ of ReaL)² in place of the sum of their squares.
    let shared = standard_error_of_shared_images(&table, &all, Aggregate::Weighted, moco);
    close(shared.unwrap(), 0.114_95, 5e-5);
    // sqrt(((gap / z)² - se²) / 2) with the larger of the errors.
    let error = found.gap / found.z_shared_images.unwrap();
    let left = (found.gap / 1.959_964).powi(2) - error.powi(2);
    close(found.break_even.unwrap(), (left / 2.0).sqrt(), 1e-5);
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

    let by = |kind| lead(&table, &all, kind);
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
