//! Mistakes of plugins' authors that a run sees: each ends as a dead cell that names what is wrong,
//! and the cells of the others go on.

use crate::bench::Place;
use crate::foreign::compile;

/// Mistakes, with words of what the record says.
const MISTAKES: &[(&str, &str)] = &[
    ("detached", "the backbone does not train"),
    ("gradient-of-zeros", "the backbone does not train"),
    (
        "writes-into-inputs",
        "the feature online.0, which is read-only",
    ),
    (
        "no-number-in-a-gradient",
        "gradient of parameter projector.weight",
    ),
    (
        "wrong-parameter-shape",
        "a gradient of parameter projector.weight of shape",
    ),
    ("two-of-one-name", "two named `projector.weight`"),
    (
        "moves-a-parameter",
        "in step (step 0): expected parameters where they were",
    ),
    (
        "replaces-a-weight",
        "in after_update (step 0): expected parameters where they were",
    ),
    ("default-out-of-range", "the default of `gain`"),
    ("a-billion-views", "1000000000"),
    ("aborts", "SIGABRT"),
    ("exits", "exit code 0"),
];

#[test]
fn mistakes_are_dead_cells_by_name_and_the_others_go_on() {
    let place = Place::new();
    let plugins = place.path().join("plugins");
    compile(
        "CXX",
        "c++",
        "tests/bad-plugins/bad.cpp",
        "bad",
        &plugins,
        &["-std=c++17"],
        &[],
    );
    let good = plugins.join("libssl_bad.so");
    let mut frameworks = vec!["'echo'".to_owned(), "'bad'".to_owned()];
    for (mistake, _) in MISTAKES {
        std::fs::copy(&good, plugins.join(format!("libssl_bad-{mistake}.so"))).unwrap();
        frameworks.push(format!("'bad-{mistake}'"));
    }
    let evil = plugins.join("libssl_bad-evil-id.so");
    std::fs::copy(&good, evil).unwrap();

    let ended = place.run(&[
        &format!("frameworks=[{}]", frameworks.join(", ")),
        "baselines=[]",
    ]);
    assert_eq!(ended.code, Some(70), "{ended:?}");
    assert!(ended.err.contains("found \"../x\""), "{}", ended.err);
    for good in ["echo", "bad"] {
        let record = place.record(good);
        assert_eq!(record["status"], "done", "{record:#}");
    }
    for (mistake, words) in MISTAKES {
        let record = place.record(&format!("bad-{mistake}"));
        assert_ne!(record["status"], "done", "{mistake}: {record:#}");
        let told = record.to_string();
        assert!(
            told.contains(&words.replace('"', "\\\"")),
            "{mistake}: {record:#}"
        );
    }
}
