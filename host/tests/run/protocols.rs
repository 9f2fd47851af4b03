//! The protocols beyond the defaults, and the features that are kept for them.

use crate::bench::{Place, record};
use serde_json::Value;
use std::fs;

/// Ids of the protocols of a record's evaluations, each once, in order.
fn protocols(record: &Value) -> Vec<String> {
    let mut ids: Vec<String> = record["results"]["report"]["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["protocol"]["id"].as_str().unwrap().to_owned())
        .collect();
    ids.dedup();
    ids.sort();
    ids.dedup();
    ids
}

#[test]
fn finetuning_selects_on_held_out_images_and_records_scores() {
    let place = Place::new();
    let ended = place.run(&[
        r#"evaluate.protocols=["knn", "finetune"]"#,
        "evaluate.finetune={ shares = [{ labels = 1.0 }, { labels = 0.5 }], lr_factors = [0.1, 1.0], epochs = 1 }",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.record("echo");
    assert_eq!(protocols(&record), ["finetune-50", "finetune-full", "knn"]);
    let details = record["results"]["report"]["finetune"].as_array().unwrap();
    assert_eq!(details[0]["subset"]["samples"], 64);
    assert!(details[1]["subset"]["samples"].as_u64().unwrap() < 40);
    for detail in details {
        let factors = detail["factors"].as_array().unwrap();
        assert_eq!(factors.len(), 2);
        assert!(detail["held_out"].as_u64().unwrap() >= 1);
        let most = factors.iter().map(|f| f[1].as_u64()).max().unwrap();
        let chosen = factors.iter().find(|f| f[0] == detail["chosen"]).unwrap();
        assert_eq!(chosen[1].as_u64(), most);
        assert_eq!(detail["recipe"]["epochs"], 1);
    }
    // Nothing to tune in the pixels.
    assert_eq!(protocols(&place.record("pixels")), ["knn"]);
    let again = place.run(&[
        r#"evaluate.protocols=["knn", "finetune"]"#,
        "evaluate.finetune={ shares = [{ labels = 1.0 }, { labels = 0.5 }], lr_factors = [0.1, 1.0], epochs = 1 }",
    ]);
    assert!(again.err.contains("2 of them done before"), "{again:?}");
}

#[test]
fn label_list_of_other_images_is_refused_by_name() {
    let place = Place::new();
    fs::write(place.path().join("list.txt"), "n01440764_10026.JPEG\n").unwrap();
    let ended = place.run(&[
        r#"evaluate.protocols=["finetune"]"#,
        r#"evaluate.finetune.shares=[{ labels = 0.01, list = "list.txt" }]"#,
        "data.root=.",
    ]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert!(ended.err.contains("n01440764_10026.JPEG"), "{ended:?}");
    assert!(place.cells("echo").is_empty(), "nothing has begun");
}

#[test]
fn augmented_heads_are_labelled() {
    let place = Place::new();
    let ended = place.run(&["evaluate.linear.augmented_passes=2"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.record("echo");
    assert_eq!(protocols(&record), ["knn", "linear-shared-augmented"]);
    // Training and test images, and two passes more; `real` has the images of `val`.
    let kept = fs::read_dir(place.path().join("out/features")).unwrap();
    let of_echo = 1 + 1 + 2;
    let of_pixels = 1 + 1 + 2;
    assert_eq!(kept.count(), of_echo + of_pixels);
}

#[test]
fn cached_features_are_reused_and_half_precision_halves_their_size() {
    let place = Place::new();
    assert_eq!(place.run(&["baselines=[]"]).code, Some(0));
    let sizes = || -> Vec<u64> {
        let entries = fs::read_dir(place.path().join("out/features")).unwrap();
        let mut sizes: Vec<u64> = entries
            .map(|e| e.unwrap().metadata().unwrap().len())
            .collect();
        sizes.sort_unstable();
        sizes
    };
    let single = sizes();
    assert_eq!(single.len(), 2);
    // Other settings need no other features.
    let ended = place.run(&[
        "baselines=[]",
        "evaluate.knn.k=[3]",
        "evaluate.knn.headline_k=3",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(sizes(), single);
    let ended = place.run(&["baselines=[]", "evaluate.precision=half"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let head = 8192;
    let largest = |sizes: &[u64]| sizes.last().unwrap() - head;
    let both = sizes();
    assert_eq!(both.len(), 4);
    assert!(both.contains(&(head + largest(&single) / 2)), "{both:?}");

    // A damaged file is named, and the cell's other results stay.
    let cell = place.cells("echo").remove(0);
    for entry in fs::read_dir(place.path().join("out/features")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    }
    let ended = place.run(&[
        "baselines=[]",
        "evaluate.knn.k=[4]",
        "evaluate.knn.headline_k=4",
    ]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    let message = record(&cell)["failure"]["message"].to_string();
    assert!(message.contains("features, found"), "{message}");

    // Without a place for them they are computed and forgotten.
    fs::remove_dir_all(place.path().join("out/features")).unwrap();
    let ended = place.run(&["baselines=[]", "run.keep_features=false"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!place.path().join("out/features").exists());
}
