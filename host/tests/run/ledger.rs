//! Nothing computed is computed twice, nothing computed is lost.

use crate::bench::{Place, record};
use crate::checkpoints::with_another;
use regex::Regex;
use std::fs;
use std::process::Command;

#[test]
fn a_finished_benchmark_is_a_no_op_with_the_same_table() {
    let place = Place::new();
    let first = place.run(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(
        first.out.contains("knn") && first.out.contains("linear"),
        "{first:?}"
    );
    let cell = &place.cells("echo")[0];
    let before = fs::read(cell.join("cell.json")).unwrap();
    let again = place.run(&[]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(again.out, first.out);
    assert!(again.err.contains("2 of them done before"), "{again:?}");
    assert_eq!(fs::read(cell.join("cell.json")).unwrap(), before);

    let record = place.record("echo");
    assert_eq!(record["status"], "done");
    assert_eq!(record["attempts"], 1);
    assert_eq!(record["plugin"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(record["results"]["same_images"]["real"], "val");
    assert!(cell.join("predictions/val.parquet").exists());
    let scores = fs::read_to_string(place.path().join("out/scores.csv")).unwrap();
    // 2 cells, 2 sets, 2 protocols, and the header.
    assert_eq!(scores.lines().count(), 1 + 2 * 2 * 2, "{scores}");
}

#[test]
fn a_fresh_run_computes_anew_but_removes_nothing_before_it_can_run() {
    let place = Place::new();
    assert_eq!(place.run(&[]).code, Some(0));
    let old = place.cells("echo").remove(0).join("old");
    fs::write(&old, "").unwrap();
    let refused = place.run_with(&["--fresh", "--set", "frameworks=['echo', 'none']"]);
    assert_eq!(refused.code, Some(65), "{refused:?}");
    let refused = place.run_with(&[
        "--fresh",
        "--set",
        "data.root='nowhere'",
        "--set",
        "data.train.kind='folder'",
    ]);
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert!(old.exists());
    // A record that cannot be read is no obstacle.
    fs::write(old.with_file_name("cell.json"), "{").unwrap();
    let ended = place.run_with(&["--fresh"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!old.exists());
    assert!(!ended.err.contains("done before"), "{ended:?}");
    assert_eq!(place.record("echo")["attempts"], 1);
}

#[test]
fn other_evaluation_settings_do_not_pretrain_again() {
    let place = Place::new();
    assert_eq!(place.run(&[]).code, Some(0));
    let cell = place.cells("echo").remove(0);
    let metrics = || fs::read(cell.join("pretrain/metrics.jsonl")).unwrap();
    let (before, pretrained) = (record(&cell), metrics());
    let ended = place.run(&["evaluate.knn.k=[5,7]"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.cells("echo"), std::slice::from_ref(&cell));
    assert_eq!(metrics(), pretrained);
    let after = record(&cell);
    let count = |record: &serde_json::Value| {
        let report = &record["results"]["report"]["evaluations"];
        report.as_array().unwrap().len()
    };
    assert_eq!((count(&before), count(&after)), (4, 6));
}

#[test]
fn another_configuration_is_another_cell_and_the_old_one_stays() {
    let place = Place::new();
    assert_eq!(place.run(&[]).code, Some(0));
    assert_eq!(
        place
            .run(&["pretrain.recipe.lr=0.0005", "baselines=[]"])
            .code,
        Some(0)
    );
    assert_eq!(
        place.run(&["pretrain.threads=2", "baselines=[]"]).code,
        Some(0)
    );
    let cells = place.cells("echo");
    assert_eq!(cells.len(), 2, "{cells:?}");
    assert!(cells.iter().all(|cell| record(cell)["attempts"] == 1));
}

/// The rows of a table of the report that `report` makes of the folder alone.
fn rows(place: &Place) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(place.path())
        .args(["report", "out", "--format", "json", "--draws", "100"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(report["frameworks"].clone()).unwrap()
}

#[test]
fn cells_of_an_earlier_setting_are_in_no_table() {
    let place = Place::new();
    let written = || fs::read_to_string(place.path().join("out/report-knn.md")).unwrap();
    let other = with_another(&place);
    let (set, changed) = ([&other as &str], [&other, "pretrain.recipe.lr=0.0005"]);
    for (set, abandoned) in [(&set[..], 0), (&changed[..], 1), (&set[..], 1)] {
        let ended = place.run(set);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(rows(&place), ["echo", "elsewhere-good"], "{set:?}");
        let text = written();
        assert!(!text.contains("echo ("), "{set:?}: {text}");
        assert_eq!(text.contains("not in the plan"), abandoned > 0, "{text}");
    }
    assert_eq!(place.cells("echo").len(), 2);
}

#[test]
fn another_build_of_a_plugin_resumes_only_with_the_option() {
    let place = Place::new();
    assert_eq!(place.run(&["baselines=[]"]).code, Some(0));
    let old = place.record("echo")["plugin"]["sha256"].clone();
    let plugins = fs::read_dir(place.path().join("plugins")).unwrap();
    let library = plugins.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut bytes = fs::read(&library).unwrap();
    // Bytes behind its end change nothing that a library does.
    bytes.extend_from_slice(b"another build");
    fs::write(&library, bytes).unwrap();

    let judge_again = ["--set", "baselines=[]", "--set", "evaluate.knn.k=[5,7]"];
    let refused = place.run_with(&judge_again);
    assert_eq!(refused.code, Some(65), "{refused:?}");
    let failure = place.record("echo")["failure"]["message"].clone();
    let new = place.record("echo")["plugin"]["sha256"].clone();
    assert_ne!(old, new);
    let named = |text: &str| {
        [&old, &new]
            .iter()
            .all(|it| text.contains(it.as_str().unwrap()))
    };
    assert!(named(failure.as_str().unwrap()), "{failure}");

    let ended = place.run_with(&[&judge_again[..], &["--allow-other-build"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(named(&ended.err), "{ended:?}");
    let builds = &place.record("echo")["results"]["pretrain"]["builds"];
    assert_eq!(*builds, serde_json::json!([old, new]));
}

#[test]
fn a_damaged_record_costs_its_own_row() {
    let place = Place::new();
    assert_eq!(place.run(&[]).code, Some(0));
    let path = place.cells("echo")[0].join("cell.json");
    let mut bytes = fs::read(&path).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let at = text.find("\"correct\": ").unwrap() + "\"correct\": ".len();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = fs::read(&path).unwrap();
    let name = path.parent().unwrap().file_name().unwrap();
    let redo = format!("run --redo {}", name.to_str().unwrap());
    for _ in 0..2 {
        // Its own row is missing, with the reason; the others stand, and what is there stays.
        let ended = place.run(&[]);
        assert_eq!(ended.code, Some(65), "{ended:?}");
        assert!(
            ended.out.contains("cell.json") && ended.out.contains(&redo),
            "{ended:?}"
        );
        assert!(ended.out.contains("pixels: val "), "{ended:?}");
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
    let unknown = place.run_with(&["--redo", "echo-7"]);
    assert_eq!(unknown.code, Some(65), "{unknown:?}");
    assert!(unknown.err.contains("echo-7"), "{unknown:?}");
    let healed = place.run_with(&["--redo", name.to_str().unwrap()]);
    assert_eq!(healed.code, Some(0), "{healed:?}");
    assert_eq!(place.record("echo")["attempts"], 1);
    assert_eq!(place.record("pixels")["attempts"], 1);
}

#[test]
fn a_failed_cell_is_tried_again() {
    let place = Place::new();
    let set = [
        "framework.echo.config.fault=step",
        "framework.echo.config.how=error",
        "baselines=[]",
    ];
    assert_eq!(place.run(&set).code, Some(70));
    assert_eq!(place.run(&set).code, Some(70));
    assert_eq!(place.record("echo")["attempts"], 2);
}

#[test]
fn in_process_gives_the_same_numbers() {
    let (apart, within) = (Place::new(), Place::new());
    assert_eq!(apart.run(&[]).code, Some(0));
    let ended = within.run_with(&["--in-process"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let results = |place: &Place| place.record("echo")["results"]["report"].clone();
    assert_eq!(results(&apart), results(&within));
}

/// The files that the guide names below `OUT/`, as regular expressions: words in capitals stand for
/// any name.
fn files_of_the_guide() -> Vec<Regex> {
    let guide = include_str!("../../../docs/guide/results.md");
    let listing = guide.split("```").nth(1).unwrap();
    let word = Regex::new("[A-Z]{3,}").unwrap();
    let mut folders: Vec<(usize, String)> = Vec::new();
    let mut files = Vec::new();
    for line in listing.lines().skip(2) {
        let indent = line.len() - line.trim_start().len();
        let name = line.split_whitespace().next().unwrap();
        folders.retain(|(above, _)| *above < indent);
        if name.ends_with('/') {
            folders.push((indent, name.to_owned()));
            continue;
        }
        let path: String = folders.iter().map(|(_, folder)| folder.as_str()).collect();
        let path = regex::escape(&(path + name));
        let pattern = word.replace_all(&path, "[^/]+");
        files.push(Regex::new(&format!("^{pattern}$")).unwrap());
    }
    files
}

#[test]
fn a_run_leaves_the_files_that_the_guide_names() {
    let place = Place::new();
    let ended = place.run(&[&with_another(&place)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let out = place.path().join("out");
    let mut found = Vec::new();
    let mut folders = vec![out.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&out).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    let guide = files_of_the_guide();
    for file in &found {
        let named = guide.iter().any(|pattern| pattern.is_match(file));
        assert!(named, "{file} is not in the guide");
    }
    // The images of this benchmark are in no files.
    for pattern in guide.iter().filter(|it| !it.as_str().contains("set")) {
        let made = found.iter().any(|file| pattern.is_match(file));
        assert!(made, "{pattern} is in the guide, but not in {found:#?}");
    }
}
