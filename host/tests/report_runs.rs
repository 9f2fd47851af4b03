//! Reports on ledgers with several seeds and heads, with shared images, and with baselines.
#![expect(clippy::unwrap_used, reason = "tests")]

mod simulated;

use serde_json::{Value, json};
use simulated::{Plan, Set, report, run, write_ledger};
use ssl_host::ledger::Ledger;
use std::path::Path;

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

#[test]
fn checkpoints_of_one_framework_are_held_against_frameworks() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        sets: &[VAL, V2],
        frameworks: &[
            ("dino", 0.60),
            ("moco", 0.50),
            ("moco-old", 0.58),
            ("pixels", 0.10),
        ],
        seeds: 1,
        heads: 1,
        common: 0.9,
        shift: 0.0,
    };
    write_ledger(folder.path(), &plan);
    for (dir, mut record) in Ledger::records(folder.path()).unwrap().whole {
        if record.framework == "moco-old" {
            record.framework = "moco".to_owned();
            record.label = Some("moco-old".to_owned());
            dir.write(&record).unwrap();
        }
    }
    let found = report(folder.path(), &["--draws", "100"]);
    let lottery = &found["checkpoint_lottery"];
    assert_eq!(lottery["checkpoints"], json!({"moco": 2}));
    let percent = |row: &str| found["accuracy"]["val"][row]["percent"].as_f64().unwrap();
    let (moco, old, dino) = (percent("moco"), percent("moco-old"), percent("dino"));
    let val = &lottery["data_sets"]["val"];
    // Standard deviation of two values; the baseline is no framework.
    let close = |value: &Value, expected: f64| {
        assert!(
            (value.as_f64().unwrap() - expected).abs() < 1e-9,
            "{value}, {expected}"
        );
    };
    close(&val["within"], (old - moco).abs() / 2f64.sqrt());
    close(
        &val["between"],
        (dino - (moco + old) / 2.0).abs() / 2f64.sqrt(),
    );
    let output = run(folder.path(), &["--draws", "100", "--format", "html"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("The checkpoint lottery (moco has 2 checkpoints)"));
    assert!(page.contains("<h3>The checkpoint lottery</h3>"));
    // Checkpoints are 8 points apart, frameworks 6.
    assert!(page.contains("On val and v2 the choice of a checkpoint moves the accuracy as much"));
}

fn ledger_of(root: &Path, frameworks: &[(&str, f64)]) {
    let plan = Plan {
        sets: &[VAL, V2],
        frameworks,
        seeds: 1,
        heads: 1,
        common: 0.9,
        shift: 0.0,
    };
    write_ledger(root, &plan);
}

#[test]
fn several_ledgers_and_tables_make_one_report() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    ledger_of(&a, &[("byol", 0.50), ("dino", 0.60)]);
    ledger_of(&b, &[("moco", 0.52)]);
    let second = b.to_str().unwrap();
    let found = report(&a, &[second, "--draws", "200"]);
    assert_eq!(found["frameworks"], json!(["byol", "dino", "moco"]));
    assert_eq!(found["title"], "a and b");
    // Images are the same ones, so frameworks of two ledgers are compared image by image.
    for pair in found["pairs"]["val"].as_array().unwrap() {
        assert_eq!(pair["method"], "mcnemar_exact", "{pair}");
    }
    let table = folder.path().join("c.csv");
    std::fs::write(
        &table,
        "framework,val,sketch\nn,1500,900\ndino,61.0,20.0\nswav,62.0,21.0\n",
    )
    .unwrap();
    let third = table.to_str().unwrap();
    let found = report(&a, &[second, "--table", third, "--draws", "200"]);
    let names = json!(["byol", "dino", "moco", "dino (c)", "swav"]);
    assert_eq!(found["frameworks"], names);
    assert_eq!(found["accuracy"]["sketch"]["byol"], Value::Null);
    assert_eq!(found["accuracy"]["val"]["swav"]["percent"], 62.0);
    assert!(found["notes"].to_string().contains("names no protocol"));
    for format in ["terminal", "md", "csv", "latex", "html"] {
        let output = run(
            &a,
            &[
                second, "--table", third, "--draws", "50", "--format", format,
            ],
        );
        assert!(output.status.success(), "{format}");
    }
}

#[test]
fn ledgers_of_two_protocols_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    ledger_of(&a, &[("byol", 0.50), ("dino", 0.60)]);
    ledger_of(&b, &[("moco", 0.52)]);
    for (id, hash, expected) in [
        (Some("knn"), None, "`linear-shared-cached`"),
        (None, Some("0123"), "(0123)`"),
    ] {
        for (dir, mut record) in Ledger::records(&b).unwrap().whole {
            for evaluation in &mut record.results.report.evaluations {
                evaluation.protocol.id = id.unwrap_or("linear-shared-cached").to_owned();
                evaluation.protocol.hash = hash.unwrap_or("f").to_owned();
            }
            dir.write(&record).unwrap();
        }
        let output = run(&a, &[b.to_str().unwrap()]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(65), "{message}");
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            message.contains("one protocol throughout") && message.contains(expected),
            "{message}"
        );
    }
}

#[test]
fn one_framework_has_a_report_that_compares_nothing() {
    let folder = tempfile::tempdir().unwrap();
    ledger_of(folder.path(), &[("byol", 0.50), ("pixels", 0.30)]);
    let found = report(folder.path(), &["--draws", "100"]);
    let headline = found["headline"].as_str().unwrap();
    assert!(
        headline.contains("one framework cannot be compared"),
        "{headline}"
    );
    assert!(found["accuracy"]["val"]["byol"]["interval"].is_array());
    assert_eq!(found["leads"]["weighted"]["all"], Value::Null);
    for format in ["terminal", "md", "csv", "latex", "html"] {
        let output = run(folder.path(), &["--draws", "50", "--format", format]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("byol"), "{format}");
        assert!(
            !text.contains("NaN") && !text.contains("best of"),
            "{format} {text}"
        );
    }
}
