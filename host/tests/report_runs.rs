//! Reports on ledgers with several seeds and heads, with shared images, and with baselines.
#![expect(clippy::unwrap_used, reason = "tests")]

mod simulated;

use serde_json::{Value, json};
use simulated::{Plan, Set, report, run, write_ledger};

const VAL: Set = Set {
    name: "val",
    images: 0..1500,
};
const REAL: Set = Set {
    name: "real",
    images: 0..1500,
};
const V2: Set = Set {
    name: "v2",
    images: 1500..2500,
};

const THREE: [(&str, f64); 3] = [("byol", 0.50), ("dino", 0.60), ("moco", 0.52)];

#[test]
fn report_has_one_row_per_framework_over_seeds_and_heads() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        sets: &[VAL, V2],
        frameworks: &THREE,
        seeds: 3,
        heads: 3,
        common: 0.9,
        shift: 0.02,
    };
    write_ledger(folder.path(), &plan);
    let found = report(folder.path(), &["--draws", "400"]);
    assert_eq!(found["frameworks"], json!(["byol", "dino", "moco"]));
    assert_eq!(found["runs"]["dino"]["seeds"], 3);
    assert_eq!(found["runs"]["dino"]["heads"], 3);
    assert_eq!(found["runs"]["dino"]["redrawn"], "seeds");
    let accuracy = &found["accuracy"]["val"]["dino"];
    assert!(accuracy["run_standard_deviation"].as_f64().unwrap() > 0.0);
    assert_eq!(found["pairs"]["val"].as_array().unwrap().len(), 3);
    assert_eq!(found["pairs"]["val"][0]["method"], "images_and_runs");
    assert_eq!(found["friedman"]["df"], 2);
    let headline = found["headline"].as_str().unwrap();
    assert!(
        headline.starts_with("dino leads the weighted average"),
        "{headline}"
    );
    assert!(
        headline.contains("redraws of images and seeds"),
        "{headline}"
    );
    assert!(!found.to_string().contains("Run-to-run variation"));
    let text = String::from_utf8(run(folder.path(), &["--draws", "100"]).stdout).unwrap();
    assert!(text.contains("3×3") && !text.contains('#'), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    // The spread between seeds was measured, though each seed is a cell of its own.
    let split = &found["standard_deviations"]["val"];
    assert!(split["seeds"].is_f64() && split["heads"].is_f64() && split["images"].is_f64());
    assert_eq!(split["by_protocol"].as_object().unwrap().len(), 1);
    assert_eq!(
        found["standard_deviations"]["val"]["checkpoints"],
        Value::Null
    );
}

#[test]
fn report_of_one_seed_states_what_it_does_not_cover() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        sets: &[VAL, V2],
        frameworks: &THREE,
        seeds: 1,
        heads: 1,
        common: 0.9,
        shift: 0.0,
    };
    write_ledger(folder.path(), &plan);
    let found = report(folder.path(), &["--draws", "400"]);
    let lead = &found["leads"]["weighted"]["all"];
    let number = |key: &str| lead[key].as_f64().unwrap();
    let expected =
        ((number("gap") / 1.959_963_985).powi(2) - number("standard_error").powi(2)) / 2.0;
    let deviation = number("break_even_standard_deviation");
    assert!((deviation - expected.sqrt()).abs() < 1e-6, "{deviation}");
    let findings = found["findings"].to_string();
    let sentence =
        "Run-to-run variation of the pretraining is not covered: each framework has one seed here.";
    assert!(findings.contains(sentence), "{findings}");
    assert!(
        findings.contains(&format!(
            "A standard deviation of {deviation:.2} points between runs"
        )),
        "{findings}"
    );
}

#[test]
fn images_that_frameworks_and_sets_share_are_redrawn_together() {
    let lead = |sets: &[Set]| {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            sets,
            frameworks: &[("byol", 0.510), ("dino", 0.522)],
            seeds: 1,
            heads: 1,
            common: 0.97,
            shift: 0.0,
        };
        write_ledger(folder.path(), &plan);
        report(folder.path(), &["--draws", "2000"])["leads"]["weighted"]["all"].clone()
    };
    let z = |lead: &Value| lead["z"].as_f64().unwrap();
    // Nearly the same answers: with frameworks taken as independent z would stay below 1.
    let one = lead(&[VAL]);
    let (gap, error) = (
        one["gap"].as_f64().unwrap(),
        one["standard_error"].as_f64().unwrap(),
    );
    assert!(z(&one) > 2.0 && error < 0.8, "{one}");
    assert!((gap / error - z(&one)).abs() < 1e-9);
    // The same images with nearly the same answers say little more than once; other images do.
    let (same, other) = (
        lead(&[VAL, REAL]),
        lead(&[
            VAL,
            Set {
                name: "v2",
                images: 1500..3000,
            },
        ]),
    );
    let error = |lead: &Value| lead["standard_error"].as_f64().unwrap();
    let ratio = error(&other) / error(&same);
    assert!(ratio < 0.9, "{ratio}");
    assert_eq!(same["z_shared_images"], Value::Null);
}

#[test]
fn report_shows_baselines_apart_from_the_ranking() {
    let folder = tempfile::tempdir().unwrap();
    let frameworks = [
        ("byol", 0.50),
        ("dino", 0.60),
        ("pixels", 0.55),
        ("untrained", 0.30),
    ];
    let plan = Plan {
        sets: &[VAL, V2],
        frameworks: &frameworks,
        seeds: 1,
        heads: 1,
        common: 0.9,
        shift: 0.0,
    };
    write_ledger(folder.path(), &plan);
    let found = report(folder.path(), &["--draws", "200"]);
    assert_eq!(found["frameworks"], json!(["byol", "dino"]));
    assert!(found["baselines"]["pixels"]["val"].is_f64());
    assert_eq!(found["ranks"]["val"], json!({"byol": 2.0, "dino": 1.0}));
    for part in [
        "winner_share",
        "pairs",
        "bootstrap",
        "correlations",
        "borda",
        "copeland",
    ] {
        let text = found[part].to_string();
        assert!(
            !text.contains("pixels") && !text.contains("untrained"),
            "{part}"
        );
    }
    for format in ["terminal", "md", "html", "latex"] {
        let output = run(folder.path(), &["--draws", "100", "--format", format]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("pixels") && text.contains("untrained"),
            "{format}"
        );
    }
}
