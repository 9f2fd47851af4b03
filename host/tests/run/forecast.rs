//! `run --dry-run` beside the run itself.

use crate::bench::{Ended, Place, record};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What a dry run says.
fn forecast(place: &Place, more: &[&str]) -> Value {
    let ended = place.run_with(&[&["--dry-run", "--format", "json"], more].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

fn dry(place: &Place) -> Ended {
    place.run_with(&["--dry-run"])
}

/// Bytes of all files below a folder.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => bytes(&path),
                false => fs::metadata(&path).unwrap().len(),
            }
        })
        .sum()
}

/// Three rows on two test sets of the same images, all protocols, and an online evaluation.
fn place() -> Place {
    let place = Place::new();
    let path = place.path().join("bench.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text
        .replace(r#"["pixels"]"#, r#"["pixels", "untrained"]"#)
        .replace("epochs = 1\nbatch_size", "epochs = 3\nbatch_size")
        .replace(
            "transform = \"whole\"",
            "transform = \"whole\"\nprotocols = [\"knn\", \"linear\", \"linear-paper\", \"finetune\"]\n\
             finetune = { shares = [{ labels = 1.0 }], lr_factors = [1.0], epochs = 1 }",
        );
    let text = format!("seeds = [0, 1]\n{text}\n[pretrain.probe]\nevery = 2\nsamples = 30\n");
    fs::write(path, text).unwrap();
    place
}

#[test]
fn a_dry_run_counts_what_the_run_then_does() {
    let place = place();
    let found = forecast(&place, &[]);
    assert!(
        !place.path().join("out").exists(),
        "a dry run writes nothing"
    );
    let ended = place.run(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let cells = found["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 6);
    for cell in cells {
        let name = cell["cell"].as_str().unwrap();
        let record = record(&place.path().join("out/cells").join(name));
        assert_eq!(cell["images"], record["images"], "{name}");
        assert_eq!(cell["fate"], "computed");
    }
    assert_eq!(
        fs::read_dir(place.path().join("out/cells"))
            .unwrap()
            .count(),
        6
    );
    // The images of each set once, whatever the number of protocols and test sets; those of fine-tuning come on top.
    let images = |row: &str| &cells.iter().find(|it| it["row"] == row).unwrap()["images"];
    assert_eq!(
        images("untrained"),
        &json!({"extract": 64 + 40, "finetune": 64 + 40 + 40})
    );
    assert_eq!(images("pixels"), &json!({"extract": 64 + 40}));
    // Two evaluations of 30 images: after the second epoch and the last.
    assert_eq!(images("echo")["pretrain"], 3 * 64 + 2 * 30);

    let disk = &found["disk"];
    for (kind, folder) in [("features", "features"), ("pretraining", "cells")] {
        let (said, is) = (
            disk[kind].as_u64().unwrap(),
            bytes(&place.path().join("out").join(folder)),
        );
        assert!(
            is <= 2 * said && said <= 2 * is,
            "{kind}: {said} bytes said, {is} found"
        );
    }
    assert!(found["seconds"].as_f64().unwrap() > 0.0);

    let again = forecast(&place, &[]);
    let fates: Vec<&Value> = again["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["fate"])
        .collect();
    assert_eq!(fates, [&json!("done"); 6]);
    assert_eq!(
        again["disk"],
        json!({"features": 0, "pretraining": 0, "predictions": 0})
    );
    let half = forecast(&place, &["--fresh", "--shard", "0/2"]);
    let fates = half["cells"].as_array().unwrap().iter();
    assert_eq!(fates.filter(|it| it["fate"] == "computed").count(), 3);
}

#[test]
fn a_dry_run_fits_a_terminal_and_names_missing_checkpoints() {
    let place = place();
    let path = place.path().join("bench.toml");
    let entry = "[[checkpoint]]\nname = \"published\"\nframework = \"echo\"\nfile = \"gone.pth\"\n\
                 source = \"https://example.org/gone.pth\"\n";
    let text = fs::read_to_string(&path).unwrap() + entry;
    fs::write(&path, text).unwrap();
    let ended = dry(&place);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = [
        "6 of 7 to compute (1 without their checkpoint)",
        "gone.pth",
        "https://example.org/gone.pth",
    ];
    for words in expected {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    let wide = ended.out.lines().filter(|line| line.chars().count() > 80);
    let paths = |line: &&str| line.starts_with("results:") || line.starts_with("missing:");
    assert!(wide.clone().all(|line| paths(&line)), "{}", ended.out);
    assert!(!place.path().join("out").exists());
    let wrong = place.run_with(&["--format", "json"]);
    assert_eq!(
        wrong.code,
        Some(65),
        "only a dry run has a format: {wrong:?}"
    );
}
