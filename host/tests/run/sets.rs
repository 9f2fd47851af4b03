//! A benchmark's data are checked before the first step, and all rows use the same images.

use crate::bench::{Bench, Ended, Place, record};
use crate::checkpoints::with_another;
use serde_json::{Value, json};
use ssl_host::checksum;
use std::fs;
use std::path::Path;
use std::process::Command;

fn bench() -> String {
    Bench {
        baselines: r#"["pixels"]"#,
        width: 0.0625,
        data: r#"
root = "images"
train = { name = "train", kind = "image-folder", path = "train" }
test = [{ name = "val", kind = "image-folder", path = "val" }]"#,
        size: 8,
        batch: 8,
        evaluate: r#"
transform = "whole"
knn = { k = [3], headline_k = 3 }
linear = { epochs = 1, batch_size = 8, base_lrs = [0.1], seeds = [0] }"#,
    }
    .text()
}

/// An 8 × 8 PNG: left half bright where `class` is 0, right where it is 1, all where it is 2.
fn image(class: u8, number: u8) -> Vec<u8> {
    let bright = |x: u8| match class {
        0 => x < 4,
        1 => x >= 4,
        _ => true,
    };
    let pixels: Vec<u8> = (0..64)
        .map(|at: u8| {
            if bright(at % 8) {
                200 + number
            } else {
                at / 8 + number
            }
        })
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    drop(writer);
    bytes
}

/// Images of a set: its classes by look and name.
fn write(place: &Place, set: &str, classes: &[(u8, &str)], each: u8) {
    let first = if set == "train" { 0 } else { 20 };
    for (look, name) in classes {
        let folder = place.path().join("images").join(set).join(name);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..each {
            let bytes = image(*look, first + number);
            fs::write(folder.join(format!("{number}.png")), bytes).unwrap();
        }
    }
}

const CLASSES: [(u8, &str); 3] = [(0, "cat"), (1, "dog"), (2, "fox")];

/// Eight training images of three classes, and some test classes.
fn place(test: &[(u8, &str)]) -> Place {
    let place = Place::of(&bench());
    write(&place, "train", &CLASSES, 8);
    write(&place, "val", test, 4);
    place
}

fn refused(ended: &Ended, place: &Place, words: &[&str]) {
    assert_eq!(ended.code, Some(65), "{ended:?}");
    for words in words {
        assert!(ended.err.contains(words), "{words}: {ended:?}");
    }
    assert!(place.cells("echo").is_empty(), "nothing has begun");
    assert!(place.cells("pixels").is_empty(), "nothing has begun");
}

/// The headline scores of a row under kNN over all classes: right ones and images.
fn knn(record: &Value) -> Vec<(u64, u64)> {
    let scores = record["results"]["report"]["evaluations"]
        .as_array()
        .unwrap();
    scores
        .iter()
        .filter(|score| score["protocol"]["id"] == "knn")
        .filter(|score| score["label_space"].as_str().unwrap().starts_with("full"))
        .map(|score| {
            (
                score["correct"].as_u64().unwrap(),
                score["n"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn other_classes_are_refused_before_the_first_step() {
    let place = place(&[(1, "dog"), (2, "fox"), (2, "wolf")]);
    let ended = place.run(&[]);
    let words = "val: expected classes of train in their order (`cat`, `dog`, `fox`), found `wolf`";
    refused(&ended, &place, &[words]);
}

#[test]
fn test_set_with_some_classes_is_scored_by_class_name() {
    let place = place(&[(1, "dog"), (2, "fox")]);
    let ended = place.run(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.record("pixels");
    assert_eq!(knn(&record), [(8, 8)], "by index all would be wrong");
    let scores = &record["results"]["report"]["evaluations"];
    assert_eq!(scores[0]["label_space"], "full-3");
    assert_eq!(scores[1]["label_space"], "subset-2@val");
}

#[test]
fn all_data_faults_are_reported_at_once() {
    let place = place(&CLASSES);
    let list =
        r#"{ name = "real", kind = "image-folder", path = "val", labels = { file = "no.json" } }"#;
    let tests = format!(
        r#"data.test=[{{ name = "a", kind = "image-folder", path = "vall" }}, {list}, {{ name = "b", kind = "shapes", split = "val", count = 8 }}]"#
    );
    let ended = place.run(&[&tests]);
    refused(
        &ended,
        &place,
        &[
            "3 faults",
            "images/vall",
            "no.json",
            "b: expected classes of train",
        ],
    );
    let name = r#"data.test=[{ name = "my set", kind = "image-folder", path = "val" }]"#;
    let ended = place.run(&[name]);
    refused(&ended, &place, &["data.test.0.name", "found \"my set\""]);
}

#[test]
fn training_set_as_test_set_is_refused_unless_allowed() {
    let place = place(&CLASSES);
    let same = r#"data.test=[{ name = "val", kind = "image-folder", path = "train" }]"#;
    let ended = place.run(&[same]);
    refused(
        &ended,
        &place,
        &["val: expected other images than those of train, found 24 of 24 in both"],
    );
    let ended = place.run(&[same, "data.on_train_images=warn", &with_another(&place)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("24 of 24 in both"), "{ended:?}");
    let facts = &place.record("echo")["data"]["train_images"]["val"];
    assert_eq!((&facts["count"], &facts["of"]), (&json!(24), &json!(24)));
    let words = "24 of 24 images of val are training images too";
    assert!(report(&place).contains(words), "{}", report(&place));
}

#[test]
fn training_images_in_a_test_set_are_a_warning() {
    let place = place(&CLASSES);
    let images = place.path().join("images");
    fs::copy(
        images.join("train/fox/3.png"),
        images.join("val/cat/other.png"),
    )
    .unwrap();
    let ended = place.run(&["frameworks=[]"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let facts = &place.record("pixels")["data"]["train_images"]["val"];
    assert_eq!((&facts["count"], &facts["of"]), (&json!(1), &json!(13)));
    assert_eq!(facts["examples"], json!([["fox/3.png", "cat/other.png"]]));
}

/// The report of the ledger on the terminal, as one line: where it is broken is no matter here.
fn report(place: &Place) -> String {
    let ended: Ended = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(place.path())
        .args(["report", "out", "--protocol", "knn"])
        .output()
        .unwrap()
        .into();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let words: Vec<&str> = ended.out.split_whitespace().collect();
    words.join(" ")
}

fn break_images(images: &Path) {
    fs::write(images.join("train/cat/5.png"), b"").unwrap();
    fs::write(images.join("val/dog/2.png"), b"").unwrap();
    let whole = fs::read(images.join("val/fox/1.png")).unwrap();
    fs::write(images.join("val/fox/1.png"), &whole[..whole.len() - 20]).unwrap();
}

#[test]
fn broken_test_images_end_a_run_before_the_first_step() {
    let place = place(&CLASSES);
    break_images(&place.path().join("images"));
    let ended = place.run(&[]);
    let words = [
        "train: expected images, found 1 of 24 that cannot be read",
        "cat/5.png",
        "val: expected images, found 2 of 12 that cannot be read",
        "on_broken",
    ];
    refused(&ended, &place, &words);
}

#[test]
fn on_broken_skip_leaves_images_out_of_all_rows() {
    let place = place(&CLASSES);
    break_images(&place.path().join("images"));
    let protocols = r#"evaluate.protocols=["knn", "linear", "finetune"]"#;
    let finetune =
        "evaluate.finetune={ shares = [{ labels = 1.0 }], lr_factors = [0.1, 1.0], epochs = 1 }";
    let other = with_another(&place);
    let set = [
        "data.on_broken=skip",
        &other,
        protocols,
        finetune,
        "evaluate.linear.augmented_passes=1",
        "pretrain.probe.every=1",
    ];
    let ended = place.run(&set);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for row in ["echo", "pixels"] {
        let record = place.record(row);
        assert_eq!(record["data"]["left_out_of_train"][0]["id"], "cat/5.png");
        let test = record["data"]["left_out"]["val"].as_array().unwrap();
        let ids: Vec<&Value> = test.iter().map(|image| &image["id"]).collect();
        assert_eq!(ids, ["dog/2.png", "fox/1.png"]);
        for score in record["results"]["report"]["evaluations"]
            .as_array()
            .unwrap()
        {
            assert_eq!(score["n"], 10, "{score:#}");
        }
    }
    let details = &place.record("echo")["results"]["report"]["finetune"][0];
    assert_eq!(details["subset"]["samples"], 23);
    let told = report(&place);
    assert!(told.contains("1 of the training set (cat/5.png)"), "{told}");

    // A row that left out other images is named.
    let cell = place.cells("pixels").remove(0);
    let mut other = record(&cell);
    other["data"]["left_out_of_train"] = json!([]);
    other.as_object_mut().unwrap().remove(checksum::KEY);
    fs::write(cell.join("cell.json"), checksum::to_json(&other).unwrap()).unwrap();
    assert!(
        report(&place).contains("The rows are not comparable"),
        "{}",
        report(&place)
    );
    let ended = place.run(&[&set[..], &["seeds=[0, 1]"]].concat());
    assert!(ended.err.contains("left out other images"), "{ended:?}");
}

#[test]
fn changed_thread_count_is_warned_about_and_reported() {
    let place = place(&CLASSES);
    let other = with_another(&place);
    assert_eq!(place.run(&[&other]).code, Some(0));
    assert_eq!(place.record("echo")["threads"], json!([1]));
    assert_eq!(place.record("echo")["workers"], 1);
    let again = "evaluate.knn.k=[3,5]";
    let ended = place.run(&["pretrain.threads=2", again, "baselines=[]", &other]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .err
            .contains("was computed with `pretrain.threads` = 1, this run has 2"),
        "{ended:?}"
    );
    assert_eq!(place.record("echo")["threads"], json!([1, 2]));
    let ended = place.run(&[again, &other]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        report(&place).contains("different numbers of threads"),
        "{}",
        report(&place)
    );
}
