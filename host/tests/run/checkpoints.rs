//! Checkpoints on the command line: as rows of a benchmark, alone, and what is refused.

use crate::bench::{Place, record};
use crate::torch_file::{self, Layout};
use ssl_host::backbone::{Backbone, BackboneConfig, Depth, Stem};
use std::path::Path;
use tch::{Device, Tensor};

pub const NETWORK: &str = r#"backbone = { depth = "resnet18", stem = "cifar", width = 0.125 }"#;

/// A network's tensors behind a prefix.
pub fn state(prefix: &str) -> Vec<(String, Tensor)> {
    of_seed(5, prefix)
}

/// Another network's tensors behind a prefix.
pub fn of_seed(seed: u64, prefix: &str) -> Vec<(String, Tensor)> {
    let config = BackboneConfig {
        depth: Depth::Resnet18,
        stem: Stem::Cifar,
        width: 0.125,
        ..BackboneConfig::default()
    };
    let backbone = Backbone::new(&config, seed, Device::Cpu).unwrap();
    backbone
        .tensors()
        .map(|named| {
            let name = format!("{prefix}{}", named.name);
            (name, named.tensor.detach().copy())
        })
        .collect()
}

pub fn write(folder: &Path, name: &str, tensors: &[(String, Tensor)]) {
    torch_file::write(&folder.join(name), Layout::Zip, &["state_dict"], tensors);
}

/// A second framework beside the fixture, as a setting: a report compares at least two.
pub fn with_another(place: &Place) -> String {
    write(place.path(), "good.pth", &state(""));
    let file = place.path().join("good.pth");
    format!(r#"checkpoint=[{{ framework = "elsewhere", file = {file:?}, {NETWORK} }}]"#)
}

fn entry(label: &str, file: &str) -> String {
    format!("{{ framework = \"{label}\", file = \"{file}\", {NETWORK} }}")
}

#[test]
fn a_label_without_plugin_is_a_row_and_damaged_files_are_named() {
    let place = Place::new();
    let folder = place.path();
    write(folder, "good.pth", &state("module.encoder_q."));
    let mut wrong = state("module.");
    wrong[0].1 = wrong[0].1.narrow(0, 0, 2).copy();
    write(folder, "wrong.pth", &wrong);
    let broken = state("module.");
    let _ = broken[4].1.flatten(0, -1).get(1).fill_(f64::NAN);
    write(folder, "nan.pth", &broken);
    let bytes = std::fs::read(folder.join("good.pth")).unwrap();
    std::fs::write(folder.join("cut.pth"), &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(folder.join("page.pth"), "<html>").unwrap();

    let files = ["good.pth", "wrong.pth", "nan.pth", "cut.pth", "page.pth"];
    let entries: Vec<String> = files.iter().map(|file| entry("elsewhere", file)).collect();
    let set = format!("checkpoint=[{}]", entries.join(", "));
    let ended = place.run(&[&set]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert!(ended.out.contains("elsewhere-good"), "{ended:?}");
    assert_eq!(place.record("echo")["status"], "done");
    let cells = place.cells("elsewhere");
    assert_eq!(cells.len(), 5);
    for (label, words) in [
        ("elsewhere-wrong", "of another shape: module.conv1.weight"),
        ("elsewhere-nan", "finite weights, found 1"),
        ("elsewhere-cut", "without its end"),
        ("elsewhere-page", "a web page"),
    ] {
        let found = cells.iter().map(|cell| record(cell));
        let record = found.into_iter().find(|r| r["label"] == label).unwrap();
        assert_eq!(record["failure"]["kind"], "input", "{record:#}");
        let message = record["failure"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
    // Finished cells stay as they are; the others are tried again.
    let again = place.run(&[&set]);
    assert!(again.err.contains("3 of them done before"), "{again:?}");
}

#[test]
fn evaluate_gives_the_record_of_a_run() {
    let place = Place::new();
    write(place.path(), "good.pth", &state("module."));
    let set = format!("checkpoint=[{}]", entry("elsewhere", "good.pth"));
    assert_eq!(place.run(&[&set]).code, Some(0));
    let of_run = record(&place.cells("elsewhere")[0]);
    let ended = place.evaluate(&[
        "--checkpoint",
        "good.pth",
        "--framework",
        "elsewhere",
        "--bench-backbone",
        "--out",
        "alone",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("elsewhere-good: val "), "{ended:?}");
    let cells = std::fs::read_dir(place.path().join("alone/cells")).unwrap();
    let of_evaluate = record(&cells.into_iter().next().unwrap().unwrap().path());
    for key in [
        "framework",
        "label",
        "config_sha256",
        "results",
        "evaluation",
    ] {
        let (mut ours, mut theirs) = (of_evaluate[key].clone(), of_run[key].clone());
        for results in [&mut ours, &mut theirs] {
            if let Some(file) = results.pointer_mut("/pretrain/checkpoint/file") {
                file.take();
            }
        }
        assert_eq!(ours, theirs, "{key}");
    }
}

#[test]
fn a_pretrained_cell_is_evaluated_again_with_the_same_numbers() {
    let place = Place::new();
    assert_eq!(place.run(&[]).code, Some(0));
    let cell = place.cells("echo").remove(0);
    let ended = place.evaluate(&["--cell", cell.to_str().unwrap(), "--out", "alone"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cells = std::fs::read_dir(place.path().join("alone/cells")).unwrap();
    let alone = record(&cells.into_iter().next().unwrap().unwrap().path());
    assert_eq!(alone["label"], "echo-cell");
    assert_eq!(alone["config"]["subject"]["covariates"]["epochs"], 1);
    assert_eq!(
        alone["results"]["report"]["evaluations"],
        record(&cell)["results"]["report"]["evaluations"]
    );
    let pixels = place.cells("pixels").remove(0);
    let refused = place.evaluate(&["--cell", pixels.to_str().unwrap()]);
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert!(refused.err.contains("the row `pixels`"), "{refused:?}");
}

#[test]
fn a_missing_checkpoint_costs_its_own_row_and_says_where_it_is_published() {
    let place = Place::new();
    write(place.path(), "good.pth", &state(""));
    let missing = format!(
        r#"{{ framework = "other", file = "none.pth", source = "https://example.org/none.pth", {NETWORK} }}"#
    );
    let set = format!("checkpoint=[{missing}, {}]", entry("elsewhere", "good.pth"));
    let ended = place.run(&[&set]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert_eq!(record(&place.cells("elsewhere")[0])["status"], "done");
    let failed = record(&place.cells("other")[0]);
    assert_eq!(failed["failure"]["kind"], "input", "{failed:#}");
    let message = failed["failure"]["message"].as_str().unwrap();
    for words in [
        "none.pth, found no such file",
        "published at https://example.org/none.pth",
    ] {
        assert!(message.contains(words), "{message}");
    }
    // Once it is there, the row is computed.
    write(place.path(), "none.pth", &state(""));
    assert_eq!(place.run(&[&set]).code, Some(0));
}

#[test]
fn impossible_checkpoint_entries_are_refused_with_line() {
    let place = Place::new();
    write(place.path(), "good.pth", &state(""));
    for (entries, words) in [
        (entry("elsewhere", "."), "a file that can be read"),
        (
            format!("{0}, {0}", entry("elsewhere", "good.pth")),
            "`elsewhere-good` again",
        ),
        (entry("else where", "good.pth"), "`else where-good`"),
        (
            r#"{ framework = "echo", file = "good.pth", config = { fault = "lunch" } }"#.to_owned(),
            "checkpoint.config",
        ),
        (
            r#"{ framework = "echo", file = "good.pth", epoch = 3 }"#.to_owned(),
            "did you mean `epochs`?",
        ),
    ] {
        let ended = place.run(&[&format!("checkpoint=[{entries}]")]);
        assert_eq!(ended.code, Some(65), "{ended:?}");
        let err: String = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(err.contains(words), "{words}: {err}");
    }
}
