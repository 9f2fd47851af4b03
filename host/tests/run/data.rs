//! `data check` as a user sees it: text, JSON, exit codes.

use crate::bench::{Ended, Place};
use std::fs;
use std::process::Command;

const BENCH: &str = r#"
[data]
root = "images"
train = { name = "train", kind = "image-folder", path = "train", numeric_classes = true }
test = [{ name = "val", kind = "manifest", file = "val.csv" }]
"#;

/// A grey PNG of 3 × 2 pixels.
fn png(value: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[value, 9, 8, 7, 6, 5]).unwrap();
    drop(writer);
    bytes
}

/// Twelve numbered classes, in folders for training and with a list of their labels for testing.
fn place(label: impl Fn(usize) -> u32) -> Place {
    let place = Place::of(BENCH);
    let images = place.path().join("images");
    let mut list = "path,label\n".to_owned();
    for number in 0..12_u32 {
        let folder = images.join(format!("val/{number}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("x.png"), png(100 + number as u8)).unwrap();
    }
    let mut folders: Vec<String> = (0..12).map(|n: u32| n.to_string()).collect();
    folders.sort();
    for (place, folder) in folders.iter().enumerate() {
        list += &format!("val/{folder}/x.png,{}\n", label(place));
    }
    fs::write(images.join("val.csv"), list).unwrap();
    for number in 0..12_u8 {
        let folder = images.join(format!("train/{number}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("1.png"), png(20 + number)).unwrap();
    }
    place
}

fn check(place: &Place, args: &[&str]) -> Ended {
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(place.path())
        .args(["data", "check", "bench.toml"])
        .args(args)
        .output()
        .unwrap()
        .into()
}

/// 0, 1, 10, 11, 2, … as numbers.
fn by_number(place: usize) -> u32 {
    [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9][place]
}

#[test]
fn sound_sets_pass_in_text_and_json() {
    let place = place(by_number);
    let text = check(&place, &[]);
    assert_eq!(text.code, Some(0), "{text:?}");
    assert!(
        text.out.contains("train (image-folder): 12 images"),
        "{text:?}"
    );
    let json = check(&place, &["--format", "json"]);
    assert_eq!(json.code, Some(0), "{json:?}");
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["sets"][1]["samples"], 12, "{report:#}");
    assert_eq!(report["findings"], serde_json::json!([]));
}

#[test]
fn labels_in_the_order_of_text_end_with_code_1() {
    let place = place(|place| place as u32);
    let ended = check(&place, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.out.contains(
            "fault [text-sorted] val: expected folder `10` to hold class 10, found class 2"
        ),
        "{ended:?}"
    );
}

#[test]
fn a_listed_image_that_is_missing_ends_with_code_1() {
    let place = place(by_number);
    fs::remove_file(place.path().join("images/val/5/x.png")).unwrap();
    let ended = check(&place, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.out.contains("[unreadable]") && ended.out.contains("val/5/x.png"),
        "{ended:?}"
    );
}

#[test]
fn classes_that_differ_end_with_code_1() {
    let place = place(by_number);
    let images = place.path().join("images");
    fs::create_dir_all(images.join("train/12")).unwrap();
    fs::write(images.join("train/12/1.png"), png(99)).unwrap();
    let fewer = check(&place, &[]);
    assert_eq!(fewer.code, Some(0), "{fewer:?}");
    assert!(
        fewer.out.contains("note [some-classes] val: 12 of the 13"),
        "{fewer:?}"
    );
    fs::remove_dir_all(images.join("train/12")).unwrap();
    fs::remove_dir_all(images.join("train/11")).unwrap();
    let ended = check(&place, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.out.contains("fault [classes] val:") && ended.out.contains("found `11`"),
        "{ended:?}"
    );
}

/// The sets of the pack, each training set with the test sets of its classes.
const PACK: [&str; 4] = [
    r#"
train = { name = "cifar-train", kind = "cifar10", files = ["cifar10/data_batch_1.bin", "cifar10/data_batch_2.bin"] }
test = [
    { name = "cifar-val", kind = "cifar10", files = ["cifar10/test_batch_1.bin"], expect = { samples = 1000 } },
    { name = "cifar-real", kind = "cifar10", files = ["cifar10/test_batch_1.bin", "cifar10/test_batch_2_jpegdecoded.bin"], labels = { file = "cifar10/cifar10h-realstyle-test0000-1999.json" } },
]
"#,
    r#"
train = { name = "tiny-train", kind = "image-folder", path = "tinyimagenet/train", expect = { samples = 1200, classes = 20 } }
test = [{ name = "tiny-val", kind = "image-folder", path = "tinyimagenet/val", expect = { samples = 1000, classes = 20 } }]
"#,
    r#"
train = { name = "sample", kind = "image-folder", path = "imagenet-sample", expect = { samples = 200, classes = 200 } }
test = [{ name = "part", kind = "image-folder", path = "imagenet-sample", limit = 100 }]
"#,
    r#"
train = { name = "pacs-train", kind = "image-folder", path = "pacs/photo/train", expect = { samples = 90, classes = 6 } }
test = [
    { name = "pacs-photo", kind = "image-folder", path = "pacs/photo/test", expect = { samples = 48, classes = 6 } },
    { name = "pacs-art", kind = "image-folder", path = "pacs/art_painting/test", expect = { samples = 48, classes = 6 } },
    { name = "pacs-cartoon", kind = "image-folder", path = "pacs/cartoon/test", expect = { samples = 48, classes = 6 } },
    { name = "pacs-sketch", kind = "image-folder", path = "pacs/sketch/test", expect = { samples = 48, classes = 6 } },
]
"#,
];

#[test]
#[ignore = "needs SSL_LOTTERY_DATA"]
fn every_set_of_the_pack_passes_and_the_known_duplicate_is_reported() {
    let mut known = 0;
    for (sets, (code, count)) in PACK.iter().zip([(0, 3), (0, 2), (1, 2), (0, 5)]) {
        let bench = format!("[data]\n{}", sets.trim());
        let ended = check(&Place::of(&bench), &["--format", "json"]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(report["sets"].as_array().unwrap().len(), count);
        let duplicates = report["duplicates"].as_array().unwrap();
        known += duplicates
            .iter()
            .filter(|d| {
                d["first"]["id"] == "n01855672/n01855672_44.JPEG"
                    && d["second"]["id"] == "n02002724/val_2157.JPEG"
                    && d["same_label"] == false
            })
            .count();
    }
    assert_eq!(known, 1);
}
