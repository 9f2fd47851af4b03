//! Features that are kept are those of these images under these settings.

use crate::bench::Place;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;

const BENCH: &str = r#"
frameworks = []
baselines = ["pixels"]
[data]
root = "images"
train = { name = "train", kind = "image-folder", path = "train" }
test = [
    { name = "val", kind = "image-folder", path = "val" },
    { name = "other", kind = "image-folder", path = "other" },
]
[views]
size = 8
[evaluate]
transform = "whole"
protocols = ["knn"]
knn = { k = [1], headline_k = 1 }
[run]
keep_features = true
"#;

/// A PNG of 8 x 8 pixels, bright above and dark below or the other way round. Its size does not
/// depend on its colours.
fn png(value: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_compression(png::Compression::NoCompression);
    let mut writer = encoder.write_header().unwrap();
    let pixels = [[value; 32], [220 - value; 32]].concat();
    writer.write_image_data(&pixels).unwrap();
    drop(writer);
    bytes
}

/// Four images of two classes, the upper half of these colours.
fn write(folder: &Path, [cat, dog]: [u8; 2]) {
    for (class, colour) in [("cat", cat), ("dog", dog)] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for number in 0..2 {
            let path = folder.join(class).join(format!("{number}.png"));
            fs::write(path, png(colour + number)).unwrap();
        }
    }
}

fn place() -> Place {
    let place = Place::of(BENCH);
    let images = place.path().join("images");
    write(&images.join("train"), [20, 200]);
    write(&images.join("val"), [30, 190]);
    // Names as in `val`, and the colours of the other class.
    write(&images.join("other"), [180, 40]);
    place
}

fn correct(place: &Place) -> Vec<(String, u64)> {
    let evaluations = &place.record("pixels")["results"]["report"]["evaluations"];
    let headline = |it: &&Value| it["headline"] == true;
    let evaluations = evaluations.as_array().unwrap().iter().filter(headline);
    evaluations
        .map(|it| {
            let set = it["dataset"].as_str().unwrap().to_owned();
            (set, it["correct"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn same_ids_with_other_pixels_are_other_images() {
    let place = place();
    let ended = place.run(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = [("val".to_owned(), 4), ("other".to_owned(), 0)];
    assert_eq!(correct(&place), expected);
    let same = &place.record("pixels")["results"]["same_images"];
    assert_eq!(*same, serde_json::json!({}));

    let in_memory = Place::of(&BENCH.replace("keep_features = true", "keep_features = false"));
    let images = in_memory.path().join("images");
    fs::rename(place.path().join("images"), images).unwrap();
    assert_eq!(in_memory.run(&[]).code, Some(0));
    assert_eq!(correct(&in_memory), expected);
}

#[test]
fn changed_pixels_invalidate_cached_features() {
    let place = place();
    assert_eq!(place.run(&[]).code, Some(0));
    let val = place.path().join("images/val");
    let file = val.join("cat/0.png");
    let (before, about) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap());
    write(&val, [190, 30]);
    File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(about.modified().unwrap())
        .unwrap();
    let after = fs::read(&file).unwrap();
    assert_eq!(before.len(), after.len());
    assert_ne!(before, after);
    // Judged again, with what is kept of the features.
    let ended = place.run(&["evaluate.knn.k=[1,2]"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(correct(&place)[0], ("val".to_owned(), 0));
}

#[test]
fn features_that_are_damaged_are_refused_by_name() {
    let place = place();
    assert_eq!(place.run(&[]).code, Some(0));
    let features = place.path().join("out/features");
    for entry in fs::read_dir(features).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "safetensors") {
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let ended = place.run(&["evaluate.knn.k=[1,2]"]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    let failure = &place.record("pixels")["failure"]["message"];
    let message = failure.as_str().unwrap();
    assert!(
        message.contains("out/features/") && message.contains("remove it"),
        "{message}"
    );
}
