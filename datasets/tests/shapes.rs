//! The procedural data set: the same bytes everywhere, and splits that are what they say.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use sha2::{Digest, Sha256};
use ssl_datasets::source::{Scratch, Source, SourceConfig, open};

fn shapes(split: &str, count: u32, seed: u64) -> Arc<dyn Source> {
    let config: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": split, "kind": "shapes", "split": split, "count": count, "seed": seed,
    }))
    .unwrap();
    open(&config, None).unwrap()
}

fn bytes(source: &dyn Source) -> Vec<u8> {
    let mut scratch = Scratch::default();
    (0..source.len())
        .flat_map(|i| source.image(i, &mut scratch).unwrap().data.to_vec())
        .collect()
}

fn hash(source: &dyn Source) -> String {
    Sha256::digest(bytes(source))
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[test]
fn images_are_the_stored_ones() {
    let found: Vec<_> = ["train", "val", "v2", "rendition", "sketch", "adversarial"]
        .map(|split| (split, hash(shapes(split, 60, 0).as_ref())))
        .into_iter()
        .collect();
    let stored = [
        ("train", "f00bcf149cfd4f67"),
        ("val", "8338bee06b0c934b"),
        ("v2", "3f5ae91b2ec3b452"),
        ("rendition", "8438a50f784222fd"),
        ("sketch", "965289aa2c4b1f49"),
        ("adversarial", "1f9651d5e43abf61"),
    ]
    .map(|(split, hash)| (split, hash.to_owned()));
    assert_eq!(found, stored);
}

#[test]
fn real_has_the_images_of_val_with_other_labels() {
    let (val, real) = (shapes("val", 400, 3), shapes("real", 400, 3));
    assert_eq!(bytes(val.as_ref()), bytes(real.as_ref()));
    let counts = real.labels().iter().fold([0; 3], |mut counts, labels| {
        counts[labels.len()] += 1;
        counts
    });
    assert!(
        counts[0] > 0 && counts[2] > 0 && counts[1] > 300,
        "{counts:?}"
    );
    // Where one figure is named, it is mostly the labelled one.
    let agree = (0..400)
        .filter(|&i| real.labels().of(i).contains(&val.labels().of(i)[0]))
        .count();
    assert!(agree > 360, "{agree}");
}

#[test]
fn subsets_hold_only_their_classes() {
    for split in ["rendition", "adversarial"] {
        let source = shapes(split, 60, 0);
        let subset = source.space().subset.clone().unwrap();
        assert_eq!(subset.len(), 6);
        let mut seen: Vec<u32> = source.labels().iter().flatten().copied().collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, subset, "{split}");
    }
    assert_eq!(shapes("sketch", 20, 0).space().subset, None);
}

#[test]
fn seeds_and_splits_draw_other_images() {
    let train = bytes(shapes("train", 20, 0).as_ref());
    assert_ne!(train, bytes(shapes("train", 20, 1).as_ref()));
    assert_ne!(train, bytes(shapes("val", 20, 0).as_ref()));
}

/// Accuracy of the nearest neighbour on raw pixels.
fn nearest_neighbour(train: &dyn Source, test: &dyn Source) -> f64 {
    let (known, asked) = (bytes(train), bytes(test));
    let right = asked
        .chunks_exact(3072)
        .enumerate()
        .filter(|(i, image)| {
            let nearest = known
                .chunks_exact(3072)
                .enumerate()
                .min_by_key(|(_, other)| {
                    image
                        .iter()
                        .zip(*other)
                        .map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2))
                        .sum::<u32>()
                })
                .unwrap()
                .0;
            test.labels().of(*i)[0] == train.labels().of(nearest)[0]
        })
        .count();
    right as f64 / test.len() as f64
}

#[test]
fn raw_pixels_are_a_poor_guide_and_poorer_on_adversarial_images() {
    let train = shapes("train", 2_000, 0);
    let plain = nearest_neighbour(train.as_ref(), shapes("val", 400, 0).as_ref());
    let hard = nearest_neighbour(train.as_ref(), shapes("adversarial", 300, 0).as_ref());
    assert!((0.10..0.35).contains(&plain), "{plain}");
    assert!(hard < plain, "{hard} {plain}");
}
