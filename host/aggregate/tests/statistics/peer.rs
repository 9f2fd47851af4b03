//! Against SciPy and baycomp: values that `tests/peer/golden.py` prints.

use crate::study::study;
use ssl_aggregate::{correlation_difference, pair_tests, signed_rank};

#[test]
fn correlation_differences_agree_with_scipy() {
    let table = study();
    for (near, far, pearson, spearman) in [
        (
            "ReaL",
            "R",
            (0.323_785_239_0, 0.101_579_626_1, 0.834_186_749_5),
            (0.354_385_964_9, 0.104_655_890_5, 0.954_550_354_9),
        ),
        (
            "V2",
            "Sketch",
            (0.356_513_136_5, 0.114_410_416_2, 0.892_404_533_6),
            (0.318_612_148_0, 0.011_538_639_5, 0.917_599_144_4),
        ),
        (
            "V2",
            "A",
            (0.338_936_778_6, 0.106_846_155_8, 0.863_046_803_7),
            (0.142_480_210_0, -0.003_357_789_1, 0.582_961_996_5),
        ),
    ] {
        let column = |name| table.data_set_index(name).unwrap();
        let found = correlation_difference(&table, 0, (column(near), column(far)), 0.95);
        for (found, expected) in [(found.pearson, pearson), (found.spearman, spearman)] {
            let found = found.unwrap();
            let (low, high) = found.interval.unwrap();
            for (found, expected) in [
                (found.value, expected.0),
                (low, expected.1),
                (high, expected.2),
            ] {
                assert!(
                    (found - expected).abs() < 1e-9,
                    "{near} {far}: {found} is not {expected}"
                );
            }
        }
        // The other way round the interval changes its sign and nothing else.
        let mirrored = correlation_difference(&table, 0, (column(far), column(near)), 0.95);
        let (low, high) = mirrored.pearson.unwrap().interval.unwrap();
        assert!((low + pearson.2).abs() < 1e-9 && (high + pearson.1).abs() < 1e-9);
    }
}

#[test]
fn signed_rank_test_agrees_with_baycomp() {
    let table = study();
    let row = |name| table.row(name).unwrap();
    let all = [0, 1, 2, 3, 4, 5];
    for (rival, better, equivalent) in [
        ("DINO", 0.487, 0.513),
        ("Barlow", 0.884, 0.116),
        ("DeepC", 0.995, 0.005),
    ] {
        let pair = (row("MoCo"), row(rival));
        let found = signed_rank(&table, &all, pair, 1.0, 100_000, 7).unwrap();
        assert!((found.better - better).abs() < 0.006, "{rival} {found:?}");
        assert!(
            (found.equivalent - equivalent).abs() < 0.006,
            "{rival} {found:?}"
        );
        assert!((found.better + found.equivalent + found.worse - 1.0).abs() < 1e-12);
        // Exchanged, the sides exchange too.
        let other = signed_rank(&table, &all, (pair.1, pair.0), 1.0, 100_000, 8).unwrap();
        assert!((other.worse - better).abs() < 0.006, "{rival} {other:?}");
    }
    // A region wider than every difference leaves nothing to tell apart.
    let wide = signed_rank(&table, &all, (0, 11), 50.0, 1000, 0).unwrap();
    assert_eq!(wide.equivalent, 1.0);
    assert_eq!(signed_rank(&table, &all[..2], (0, 11), 1.0, 1000, 0), None);
}

#[test]
fn detectable_gaps_agree_with_scipy() {
    let table = study();
    for (set, expected) in [
        0.803_805, 0.733_994, 1.959_499, 0.896_477, 0.696_870, 0.578_421,
    ]
    .into_iter()
    .enumerate()
    {
        let found = pair_tests(&table, set, 0.05, |_, _| None)
            .detectable_gap(0.8)
            .unwrap();
        assert!(
            (found - expected).abs() < 1e-6,
            "{set}: {found} is not {expected}"
        );
    }
}
