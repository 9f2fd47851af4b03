//! Lottery measures of the published table.

use crate::study::{SETS, close, golden, row, study};
use ssl_aggregate::{
    Aggregate, borda, concordance, copeland, effective_robustness, pareto_front, redraw,
    winner_share,
};

const ALL: [usize; 6] = [0, 1, 2, 3, 4, 5];
const FIVE: [usize; 5] = [1, 2, 3, 4, 5];

#[test]
fn winner_shares_of_63_subsets_are_exact() {
    let (table, golden) = (study(), golden());
    for (key, kind, entropy) in [
        ("amean", Aggregate::Arithmetic, 0.985155),
        ("wavg", Aggregate::Weighted, 0.875992),
        ("gmean", Aggregate::Geometric, 1.379017),
        ("mean_rank", Aggregate::MeanRank, 1.000905),
    ] {
        let found = winner_share(&table, &ALL, kind, 0).unwrap();
        assert_eq!((found.subsets, found.sampled), (63, false));
        for (name, wins) in table.frameworks().iter().zip(&found.wins) {
            let expected = golden["winner_share_63"][key][name].as_f64().unwrap_or(0.0);
            assert_eq!(wins.unwrap(), expected, "{key} {name}");
        }
        close(found.entropy(), entropy, 5e-7);
    }
}

#[test]
fn winner_shares_of_31_subsets_are_exact() {
    let table = study();
    for (kind, expected, entropy) in [
        (Aggregate::Arithmetic, [24.0, 5.0, 1.0, 1.0], 1.030043),
        (Aggregate::Weighted, [24.0, 6.0, 1.0, 0.0], 0.904233),
        (Aggregate::Geometric, [12.0, 3.0, 16.0, 0.0], 1.348569),
        (Aggregate::MeanRank, [24.0, 5.5, 1.0, 0.5], 0.984326),
    ] {
        let found = winner_share(&table, &FIVE, kind, 0).unwrap();
        for (name, wins) in ["MoCo", "DINO", "OBoW", "Swav"].iter().zip(expected) {
            assert_eq!(found.wins[row(&table, name)], Some(wins), "{kind:?} {name}");
        }
        close(found.entropy(), entropy, 5e-7);
    }
}

#[test]
fn kendall_w_friedman_and_nemenyi() {
    let (table, golden) = (study(), golden());
    let found = concordance(&table, &ALL, 0.05).unwrap();
    let expected = golden["kendall_w6"].as_f64().unwrap();
    close(found.kendall_w, expected, 1e-10 * expected);
    close(
        found.friedman,
        golden["friedman_chi2"].as_f64().unwrap(),
        1e-9,
    );
    assert_eq!(found.degrees_of_freedom, 11);
    close(found.p, 3.06e-7, 5e-10);
    close(found.critical_difference, 6.8029, 5e-5);
}

#[test]
fn voting_rules_on_the_study_have_three_winners() {
    let table = study();
    let borda = borda(&table, &ALL);
    let copeland = copeland(&table, &ALL);
    for (name, points, score) in [
        ("MoCo", 57.5, 7),
        ("DINO", 51.5, 11),
        ("Swav", 48.5, 8),
        ("BYOL", 45.5, 5),
        ("Barlow", 43.5, 3),
        ("VicReg", 43.5, 1),
        ("OBoW", 41.0, 0),
        ("DeepC", 29.0, -3),
        ("SimSiam", 14.5, -6),
        ("PCL", 12.0, -6),
        ("SeLa", 5.5, -9),
        ("SimCLR", 4.0, -11),
    ] {
        assert_eq!(borda[row(&table, name)], Some(points), "{name}");
        assert_eq!(copeland[row(&table, name)], score, "{name}");
    }
    let front: Vec<&str> = pareto_front(&table, &ALL)
        .into_iter()
        .map(|row| table.frameworks()[row].as_str())
        .collect();
    assert_eq!(front, ["DINO", "Swav", "MoCo", "OBoW"]);
}

#[test]
fn a_redrawn_test_set_reverses_this_many_pairs() {
    let table = study();
    for (set, discordant, top) in [
        (0, 2.2182, 0.642591),
        (1, 2.4890, 0.657603),
        (2, 5.0134, 0.557728),
        (3, 2.7786, 1.0),
        (4, 1.6329, 1.0),
        (5, 5.4431, 0.999539),
    ] {
        let found = redraw(&table, set).unwrap();
        close(found.expected_discordant, discordant, 5e-5);
        close(found.top_beats_second, top, 5e-7);
        assert_eq!(found.pairs, 66, "{}", SETS[set]);
    }
}

#[test]
fn effective_robustness_names_the_outliers() {
    let table = study();
    let residual = |set, name| {
        effective_robustness(&table, 0, set).unwrap().residuals[row(&table, name)].unwrap()
    };
    close(residual(3, "MoCo"), 3.969, 5e-4);
    close(residual(3, "SimCLR"), -2.182, 5e-4);
    close(residual(4, "MoCo"), 4.748, 5e-4);
    close(residual(4, "SimCLR"), -2.677, 5e-4);
    close(residual(5, "OBoW"), 1.477, 5e-4);
}
