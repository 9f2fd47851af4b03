//! Adapters: what they read and what they refuse.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ssl_datasets::DataError;
use ssl_datasets::source::{Scratch, Source, SourceConfig, kinds, open};

fn try_open(toml: &str, root: Option<&Path>) -> Result<Arc<dyn Source>, DataError> {
    open(&toml::from_str::<SourceConfig>(toml).unwrap(), root)
}

fn error(toml: &str, root: &Path) -> String {
    try_open(toml, Some(root)).err().unwrap().to_string()
}

/// Two records: label 3 with planes 10, 20, 30, and label 9 with a ramp in red.
fn two_records() -> Vec<u8> {
    let mut bytes = vec![3];
    for value in [10, 20, 30] {
        bytes.extend(std::iter::repeat_n(value, 1024));
    }
    bytes.push(9);
    bytes.extend((0..1024).map(|i| (i % 256) as u8));
    bytes.extend(std::iter::repeat_n(0, 2048));
    bytes
}

const TWO: &str = "name = 'c'\nkind = 'cifar10'\nfiles = ['two.bin', 'two.bin']\n";

fn with_two() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("two.bin"), two_records()).unwrap();
    dir
}

#[test]
fn cifar_records_are_planes_after_a_label() {
    let dir = with_two();
    let source = try_open(TWO, Some(dir.path())).unwrap();
    assert_eq!(source.len(), 4);
    assert_eq!(source.labels().as_single(), Some([3, 9, 3, 9].as_slice()));
    let mut scratch = Scratch::default();
    assert_eq!(
        source.image(2, &mut scratch).unwrap().data[..6],
        [10, 20, 30, 10, 20, 30]
    );
    assert_eq!(
        source.image(3, &mut scratch).unwrap().data[3 * 33..3 * 34],
        [33, 0, 0]
    );
    assert_eq!(source.id(3), "two.bin#1");
    assert_eq!(source.space().classes[9], "truck");
}

#[test]
fn a_cut_cifar_file_is_refused_with_its_size() {
    let dir = with_two();
    std::fs::write(dir.path().join("two.bin"), &two_records()[..6000]).unwrap();
    let message = error(TWO, dir.path());
    assert!(
        message.contains("two.bin: expected a multiple of 3073 bytes, found 6000"),
        "{message}"
    );
}

#[test]
fn real_style_labels_overlay_by_number() {
    let dir = with_two();
    std::fs::write(dir.path().join("real.json"), "[[5], [3, 1], [], [9], [0]]").unwrap();
    let toml = format!("{TWO}labels = {{ file = 'real.json', offset = 1 }}");
    let source = try_open(&toml, Some(dir.path())).unwrap();
    let lists: Vec<_> = source.labels().iter().map(<[u32]>::to_vec).collect();
    assert_eq!(lists, [vec![3, 1], vec![], vec![9], vec![0]]);
    assert_eq!(source.labels().scored(), 3);

    let short = format!("{TWO}labels = {{ file = 'real.json', offset = 2 }}");
    let message = error(&short, dir.path());
    assert!(
        message.contains("expected at least 6 label lists for 4 samples, found 5"),
        "{message}"
    );
    std::fs::write(dir.path().join("real.json"), "[[5], [3], [10], [9]]").unwrap();
    let message = error(
        &format!("{TWO}labels = {{ file = 'real.json' }}"),
        dir.path(),
    );
    assert!(
        message.contains("labels below 10, found 10 in entry 2"),
        "{message}"
    );
}

/// Class folders with one 2 × 1 PNG each.
fn folders(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (n, name) in names.iter().enumerate() {
        let folder = dir.path().join("set").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let file = std::fs::File::create(folder.join("x.png")).unwrap();
        let mut encoder = png::Encoder::new(file, 2, 1);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[n as u8, 200]).unwrap();
    }
    dir
}

const FOLDER: &str = "name = 'f'\nkind = 'image-folder'\npath = 'set'\n";

#[test]
fn folders_are_classes_in_order_of_name() {
    let dir = folders(&["pear", "apple"]);
    let source = try_open(FOLDER, Some(dir.path())).unwrap();
    assert_eq!(source.space().classes, ["apple", "pear"]);
    assert_eq!(source.id(1), "pear/x.png");
    let mut scratch = Scratch::default();
    let image = source.image(1, &mut scratch).unwrap();
    assert_eq!((image.width, image.height), (2, 1));
    assert_eq!(image.data, [0, 0, 0, 200, 200, 200]);
}

#[test]
fn numeric_folders_are_refused_as_text_and_sorted_as_integers() {
    let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let dir = folders(&names);
    let message = error(FOLDER, dir.path());
    assert!(message.contains("numeric_classes = true"), "{message}");
    let source = try_open(&format!("{FOLDER}numeric_classes = true"), Some(dir.path())).unwrap();
    assert_eq!(source.id(2), "2/x.png");
    assert_eq!(source.id(10), "10/x.png");
    std::fs::remove_dir_all(dir.path().join("set/5")).unwrap();
    let message = error(&format!("{FOLDER}numeric_classes = true"), dir.path());
    assert!(message.contains("found 6 in place of 5"), "{message}");
}

#[test]
fn missing_and_empty_folders_are_named() {
    let dir = folders(&["a", "b"]);
    std::fs::remove_file(dir.path().join("set/b/x.png")).unwrap();
    let message = error(FOLDER, dir.path());
    assert!(
        message.contains("set/b: expected images in the class folder, found none")
            && message.contains("allow_empty = true"),
        "{message}"
    );
    std::fs::remove_dir_all(dir.path().join("set")).unwrap();
    let message = error(FOLDER, dir.path());
    assert!(
        message.contains("cannot read") && message.contains("set"),
        "{message}"
    );
    std::fs::create_dir(dir.path().join("set")).unwrap();
    let message = error(FOLDER, dir.path());
    assert!(message.contains("expected class folders"), "{message}");
}

#[test]
fn class_maps_drop_and_merge() {
    let dir = folders(&["cat", "lemon", "tabby"]);
    std::fs::write(
        dir.path().join("map.tsv"),
        "name\tother\tlabel\ntabby\tx\t1\ncat\tx\t1\nlemon\tx\t-1\n",
    )
    .unwrap();
    let map = "class_map = { file = 'map.tsv', from = 'name', to = 'label', classes = ['dog', 'cat', 'ship'] }";
    let source = try_open(&format!("{FOLDER}{map}"), Some(dir.path())).unwrap();
    assert_eq!(source.len(), 2);
    assert_eq!(source.labels().as_single(), Some([1, 1].as_slice()));
    assert_eq!(source.space().subset, Some(vec![1]));
    assert_eq!(source.id(1), "tabby/x.png");

    std::fs::write(
        dir.path().join("map.tsv"),
        "name\tlabel\ntabby\t1\ncat\t3\nlemon\t-1\n",
    )
    .unwrap();
    let message = error(&format!("{FOLDER}{map}"), dir.path());
    assert!(
        message.contains("line 3: expected a label below 3"),
        "{message}"
    );
    std::fs::write(
        dir.path().join("map.tsv"),
        "name\tlabel\ntabby\t1\ncat\t0\n",
    )
    .unwrap();
    let message = error(&format!("{FOLDER}{map}"), dir.path());
    assert!(
        message.contains("expected a row for class `lemon`"),
        "{message}"
    );
}

#[test]
fn limits_keep_the_first() {
    let dir = with_two();
    let source = try_open(&format!("{TWO}limit = 3"), Some(dir.path())).unwrap();
    assert_eq!(source.labels().as_single(), Some([3, 9, 3].as_slice()));
    let message = error(&format!("{TWO}limit = 5"), dir.path());
    assert!(
        message.contains("expected `limit` in 1..=4, found 5"),
        "{message}"
    );
}

#[test]
fn bad_configurations_say_what_is_meant() {
    let root = PathBuf::from("/nowhere");
    let message = error("name = 'x'\nkind = 'cifra10'\n", &root);
    assert!(message.contains("did you mean `cifar10`?"), "{message}");
    let message = error("name = 'x'\nkind = 'cifar10'\nfile = ['a']\n", &root);
    assert!(
        message.contains("unknown key `file`") && message.contains("did you mean `files`?"),
        "{message}"
    );
    let message = error("name = 'x'\nkind = 'shapes'\nsplit = 'vall'\n", &root);
    assert!(message.contains("unknown variant `vall`"), "{message}");
    let message = error(
        "name = 'x'\nkind = 'shapes'\nsplit = 'val'\ncount = 0\n",
        &root,
    );
    assert!(
        message.contains("`count` in 1..=1000000, found 0"),
        "{message}"
    );
}

#[test]
fn kinds_have_names_of_their_own() {
    let names: Vec<_> = kinds().iter().map(|k| k.kind).collect();
    assert_eq!(
        names,
        [
            "cifar10",
            "cifar100",
            "image-folder",
            "imagenet",
            "manifest",
            "shapes"
        ]
    );
}
