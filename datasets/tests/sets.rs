//! Sets that are opened together: classes are compared by name, equal images are found.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{png, write};
use ssl_datasets::check::{Pair, absent, overlaps, undecodable};
use ssl_datasets::source::{SetFault, Sets, SourceConfig, open, open_sets};

/// One image for each class.
fn folder(root: &Path, name: &str, classes: &[&str]) {
    for (place, class) in classes.iter().enumerate() {
        let value = (name.len() * 16 + place) as u8;
        write(root, &format!("{name}/{class}/x.png"), &png(value));
    }
}

fn config(text: &str) -> SourceConfig {
    toml::from_str(text).unwrap()
}

fn image_folder(name: &str) -> SourceConfig {
    config(&format!(
        "name = '{name}'\nkind = 'image-folder'\npath = '{name}'"
    ))
}

fn sets(root: &Path, train: &[&str], test: &[&str]) -> Result<Sets, Vec<SetFault>> {
    folder(root, "train", train);
    folder(root, "val", test);
    open_sets(&image_folder("train"), &[image_folder("val")], Some(root))
}

fn fault(found: Result<Sets, Vec<SetFault>>) -> String {
    let faults = found.err().unwrap();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].error.to_string()
}

#[test]
fn equal_names_leave_a_test_set_as_it_is_and_some_of_them_are_put_over_all() {
    let dir = tempfile::tempdir().unwrap();
    let all = sets(dir.path(), &["cat", "dog", "fox"], &["cat", "dog", "fox"]).unwrap();
    assert_eq!(all.test[0].space().subset, None);
    let dir = tempfile::tempdir().unwrap();
    let some = sets(dir.path(), &["cat", "dog", "fox"], &["dog", "fox"]).unwrap();
    let space = some.test[0].space();
    assert_eq!(space.classes, ["cat", "dog", "fox"]);
    assert_eq!(space.subset, Some(vec![1, 2]));
    assert_eq!(some.test[0].labels().as_single(), Some(&[1, 2][..]));
    assert_eq!(some.test[0].id(0), "dog/x.png");
}

#[test]
fn other_names_are_refused_by_name() {
    for (train, test, words) in [
        (
            &["cat", "dog", "fox"][..],
            &["dog", "fox", "wolf"][..],
            "val: expected classes of train in their order (`cat`, `dog`, `fox`), found `wolf`; `class_map`",
        ),
        (
            &["cat", "dog"],
            &["ant", "bee", "cat"],
            "found `ant`, `bee`;",
        ),
        (&["cat", "dog"], &["cat", "dog", "fox"], "found `fox`;"),
        (
            &["cat", "dog"],
            &["Cat", "dog"],
            "found `Cat`; `Cat` and `cat` are different names",
        ),
        (&["cat", "dog"], &["cat ", "dog"], "`cat ` and `cat`"),
        (
            &["caf\u{e9}", "the"],
            &["cafe\u{301}", "the"],
            "found `cafe\\u{301}`",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let fault = fault(sets(dir.path(), train, test));
        assert!(fault.contains(words), "{fault}");
        assert!(!fault.contains('\n'), "{fault}");
    }
}

#[test]
fn another_order_and_numbers_for_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), "train", &["cat", "dog", "fox"]);
    let list = |labels: &[&str], more: &str| {
        let rows = labels.iter().zip(["cat", "dog"]);
        let rows = rows.map(|(label, folder)| format!("train/{folder}/x.png,{label}\n"));
        let text = format!("path,label\n{}", rows.collect::<String>());
        write(dir.path(), "list.csv", text.as_bytes());
        let val = config(&format!(
            "name = 'val'\nkind = 'manifest'\nfile = 'list.csv'\n{more}"
        ));
        open_sets(&image_folder("train"), &[val], Some(dir.path()))
    };
    let order = "classes = ['fox', 'dog', 'cat']";
    let found = fault(list(&["cat", "dog"], order));
    assert!(found.contains("found `fox` before `dog`"), "{found}");
    let found = fault(list(&["0", "2"], ""));
    assert!(
        found.contains("found `0`, `1`, `2`; only one of the two sets names its classes"),
        "{found}"
    );
    // Numbers are places in the list of names that goes with them.
    let named = list(&["0", "2"], "classes = ['cat', 'dog', 'fox']").unwrap();
    assert_eq!(named.test[0].labels().as_single(), Some(&[0, 2][..]));
}

#[test]
fn every_set_that_does_not_open_or_fit_is_told() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), "train", &["cat", "dog"]);
    folder(dir.path(), "other", &["cat", "cow"]);
    let mut labelled = image_folder("train");
    labelled.name = "real".to_owned();
    labelled.labels = toml::from_str("file = 'no.json'").ok();
    let tests = [
        image_folder("nowhere"),
        image_folder("other"),
        labelled,
        image_folder("train"),
    ];
    let faults = open_sets(&image_folder("train"), &tests, Some(dir.path()));
    let faults = faults.err().unwrap();
    let places: Vec<_> = faults.iter().map(|fault| fault.test).collect();
    assert_eq!(places, [Some(0), Some(1), Some(2)], "{faults:?}");
    for (fault, words) in faults.iter().zip(["nowhere", "`cow`", "no.json"]) {
        assert!(fault.error.to_string().contains(words), "{fault:?}");
    }
    let faults = open_sets(&image_folder("gone"), &tests, Some(dir.path()));
    assert_eq!(faults.err().unwrap().len(), 3);
}

/// A file that no decoder reads; the search for equal images does not decode.
fn file(root: &Path, name: &str, length: usize, last: u8) {
    let mut bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
    bytes.push(last);
    write(root, name, &bytes);
}

#[test]
fn equal_files_are_found_under_any_name_and_by_their_last_byte() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for (name, length, last) in [
        ("train/a/1.png", 100, 1),
        ("train/a/2.png", 9000, 1),
        ("train/b/3.png", 9000, 2),
        ("val/a/x.png", 100, 2),
        ("val/a/y.png", 9000, 2),
        ("val/b/1.png", 100, 1),
        ("val/b/z.png", 9000, 3),
    ] {
        file(root, name, length, last);
    }
    let open = |name| open(&image_folder(name), Some(root)).unwrap();
    let (train, val) = (open("train"), open("val"));
    let found = overlaps(train.as_ref(), &[Arc::clone(&val), Arc::clone(&train)], 2).unwrap();
    let pair = |train, test| Pair { train, test };
    assert_eq!(found[0], [pair(2, 1), pair(0, 2)]);
    assert_eq!(found[1], [pair(0, 0), pair(1, 1), pair(2, 2)]);
}

#[test]
fn drawn_images_are_compared_by_their_pixels() {
    let set = |split: &str, seed: u64| {
        let text =
            format!("name = 'x'\nkind = 'shapes'\nsplit = '{split}'\ncount = 8\nseed = {seed}");
        open(&config(&text), None).unwrap()
    };
    let train = set("train", 0);
    let tests = [set("val", 0), set("train", 0), set("train", 1)];
    let found = overlaps(train.as_ref(), &tests, 1).unwrap();
    let counts: Vec<usize> = found.iter().map(Vec::len).collect();
    assert_eq!(counts, [0, 8, 0]);
}

#[test]
fn missing_empty_and_damaged_images_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    folder(root, "set", &["a", "b", "c"]);
    write(root, "set/b/x.png", b"");
    let whole = std::fs::read(root.join("set/c/x.png")).unwrap();
    write(root, "set/c/x.png", &whole[..whole.len() - 20]);
    write(
        root,
        "list.csv",
        b"path,label\nset/a/x.png,0\nset/b/x.png,1\nset/c/x.png,1\nset/no.png,0\n",
    );
    let text = "name = 'set'\nkind = 'manifest'\nfile = 'list.csv'";
    let source = open(&config(text), Some(root)).unwrap();
    let ids = |found: Vec<ssl_datasets::check::Broken>| -> Vec<String> {
        for broken in &found {
            assert_eq!(source.id(broken.index), broken.id);
            assert!(broken.reason.contains(&broken.id), "{broken:?}");
        }
        found.into_iter().map(|broken| broken.id).collect()
    };
    assert_eq!(
        ids(absent(source.as_ref(), 1)),
        ["set/b/x.png", "set/no.png"]
    );
    assert_eq!(
        ids(undecodable(source.as_ref(), 2)),
        ["set/b/x.png", "set/c/x.png", "set/no.png"]
    );
}
