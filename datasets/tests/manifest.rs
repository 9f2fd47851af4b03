//! Manifests: their labels, their paths, and how they are written.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{png, try_open, write};
use ssl_datasets::source::Source;

fn open(name: &str, text: &[u8], more: &str) -> Result<Arc<dyn Source>, String> {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &format!("set/{name}"), text);
    let toml = format!("name = 's'\nkind = 'manifest'\nfile = 'set/{name}'\n{more}");
    let root = dir.path().display().to_string();
    try_open(&toml, dir.path()).map_err(|e| e.to_string().replace(&root, ""))
}

/// Classes and labels of a CSV list with these labels.
fn labelled(labels: &[&str], more: &str) -> Result<(Vec<String>, Vec<u32>), String> {
    let rows = labels.iter().enumerate();
    let rows: String = rows
        .map(|(at, label)| format!("{at}.png,{label}\n"))
        .collect();
    let source = open("m.csv", format!("path,label\n{rows}").as_bytes(), more)?;
    let labels = source.labels().as_single().unwrap().to_vec();
    Ok((source.space().classes.clone(), labels))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn labels_are_all_names_or_all_numbers() {
    let found = labelled(&["dog", "cat", "dog"], "").unwrap();
    assert_eq!(found, (names(&["cat", "dog"]), vec![1, 0, 1]));
    let found = labelled(&["2", "0", "10"], "").unwrap();
    assert_eq!((found.0.len(), found.1), (11, vec![2, 0, 10]));
    let message = labelled(&["1", "1", "other", "2"], "").unwrap_err();
    assert_eq!(
        message,
        "s: /set/m.csv: expected names or numbers of classes, found both: `1` in line 2 and `other` in line 4; \
         if all are names, list them in `classes`"
    );
}

#[test]
fn where_classes_are_names_a_number_is_a_name() {
    let classes = "classes = ['2', 'other', '1']";
    let found = labelled(&["1", "other", "2"], classes).unwrap();
    assert_eq!(found, (names(&["2", "other", "1"]), vec![2, 1, 0]));
    let found = labelled(&["1", "2"], classes).unwrap();
    assert_eq!(found.1, [2, 0]);
    // No label is a name: they are places.
    let found = labelled(&["1", "0"], "classes = ['cat', 'dog']").unwrap();
    assert_eq!(found.1, [1, 0]);
    let message = labelled(&["cat", "1"], "classes = ['cat', 'dog']").unwrap_err();
    assert!(
        message.contains("line 3: expected one of the names in `classes` (cat, dog), found `1`"),
        "{message}"
    );
    let message = labelled(&["0", "2"], "classes = ['cat', 'dog']").unwrap_err();
    assert!(
        message.contains("line 3: expected a number below 2, found `2`"),
        "{message}"
    );
    let message = labelled(&["cat"], "classes = ['cat', 'cat']").unwrap_err();
    assert!(message.contains("found `cat` twice"), "{message}");
}

#[test]
fn labels_of_another_kind_get_a_sentence() {
    for odd in [
        "true", "False", "0.0", "nan", "NaN", "-1", "+1", "1e5", "inf",
    ] {
        for labels in [[odd, odd], ["cat", odd], ["3", odd]] {
            let message = labelled(&labels, "").unwrap_err();
            assert!(
                message.starts_with("s: /set/m.csv: line ")
                    && message.contains(&format!(
                        "expected the name of a class or a whole number from 0 as label, found `{odd}`; \
                         if it is the name of a class, list the names in `classes`"
                    )),
                "{message}"
            );
        }
        let named = format!("classes = ['{odd}']");
        assert_eq!(labelled(&[odd], &named).unwrap().1, [0]);
    }
    let message = labelled(&["cat", ""], "").unwrap_err();
    assert!(
        message.contains(
            "line 3: expected the name or the number of a class as label of 1.png, found none"
        ),
        "{message}"
    );
    let message = labelled(&["0", "4000000000000"], "").unwrap_err();
    assert!(
        message.contains("line 3: expected the number of a class below 1000000"),
        "{message}"
    );
    for (label, found) in [("true", "`true`"), ("null", "`null`"), ("[1]", "`[1]`")] {
        let text = format!("{{\"path\": \"1.png\", \"label\": {label}}}\n");
        let message = open("m.jsonl", text.as_bytes(), "").err().unwrap();
        assert!(
            message.contains("line 1: expected the name or the number of a class as `label`")
                && message.contains(&format!("found {found}")),
            "{message}"
        );
    }
    let message = open("m.jsonl", b"\n{\"path\": \"1.png\"}\n", "")
        .err()
        .unwrap();
    assert!(
        message.contains("line 2:") && message.contains("found none"),
        "{message}"
    );
}

#[test]
fn lists_come_from_many_programs() {
    let lines = |end: &str| {
        [
            "{\"path\":\"a,b.png\",\"label\":\"cat\"}",
            "{\"path\":\"2.png\",\"label\":\"dog\"}",
            "",
        ]
        .join(end)
    };
    let csv = |end: &str| ["path,label", "\"a,b.png\",cat", "2.png,dog", ""].join(end);
    let mark = |text: String| [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    for (name, text) in [
        ("m.csv", csv("\n").into_bytes()),
        ("m.csv", csv("\r\n").into_bytes()),
        ("m.csv", mark(csv("\r\n"))),
        (
            "m.CSV",
            csv("\n").replace("path,label", "path, label").into_bytes(),
        ),
        ("m.csv", csv("\n").replace(",cat", ", cat").into_bytes()),
        ("m.tsv", b"label\tpath\ncat\ta,b.png\ndog\t2.png".to_vec()),
        ("m.jsonl", lines("\n").into_bytes()),
        ("m.jsonl", lines("\r\n").into_bytes()),
        ("m.jsonl", mark(lines("\n"))),
    ] {
        let source = open(name, &text, "").unwrap();
        assert_eq!(source.space().classes, ["cat", "dog"], "{name}");
        assert_eq!(
            (source.id(0).as_str(), source.len()),
            ("a,b.png", 2),
            "{name}"
        );
    }
    for (name, text, expected) in [
        (
            "m.csv",
            "path;label\n1.png;cat\n",
            "line 1: expected one column `path` and one `label`, parted by commas, found `path;label`",
        ),
        (
            "m.csv",
            "image,class\n1.png,cat\n",
            "found `image`, `class`",
        ),
        (
            "m.csv",
            "path,label,label\n1.png,cat,dog\n",
            "found `path`, `label`, `label`",
        ),
        (
            "m.csv",
            "path,label\na,b.png,cat\n",
            "line 2: expected 2 fields, found 3",
        ),
        (
            "m.csv",
            "path,label\n,cat\n",
            "line 2: expected a path, found an empty one",
        ),
        (
            "m.txt",
            "path,label\n1.png,cat\n",
            "expected a file that ends in .csv, .tsv or .jsonl",
        ),
        (
            "m.jsonl",
            "path,label\n",
            "line 1: expected an object with `path` and `label`, found no JSON",
        ),
    ] {
        let message = open(name, text.as_bytes(), "").err().unwrap();
        assert!(message.contains(expected), "{message}");
    }
    let message = open("m.csv", b"path,label\n\xFF.png,cat\n", "")
        .err()
        .unwrap();
    assert!(
        message.contains("line 2: expected text in UTF-8"),
        "{message}"
    );
    let message = open("m.jsonl", b"{\"path\":\"\xFF\",\"label\":1}", "")
        .err()
        .unwrap();
    assert!(
        message.contains("line 1: expected text in UTF-8"),
        "{message}"
    );
}

#[test]
fn every_image_lies_below_the_root_once() {
    let list = |path: &str| format!("path,label\n{path},cat\n");
    for path in ["../1.png", "a/../../1.png", "/elsewhere/1.png"] {
        let message = open("m.csv", list(path).as_bytes(), "").err().unwrap();
        assert_eq!(
            message,
            format!(
                "s: /set/m.csv: line 2: expected a path below /set, found {path}; set `path` to a folder that all images are in"
            )
        );
    }
    let source = open("m.csv", list("a/../b//./1.png").as_bytes(), "").unwrap();
    assert_eq!(source.id(0), "b/1.png");
    let source = open("m.csv", list("/elsewhere/1.png").as_bytes(), "path = '/'").unwrap();
    assert_eq!(source.id(0), "elsewhere/1.png");
    let twice = b"path,label\n1.png,dog\n2.png,dog\n./1.png,cat\n";
    let message = open("m.csv", twice, "").err().unwrap();
    assert!(
        message.contains(
            "expected each image once, found 1.png in line 2 (`dog`) and in line 4 (`cat`)"
        ),
        "{message}"
    );
    // An absolute path below the root is read.
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "set/cat/1.png", &png(7));
    let absolute = dir.path().join("set/cat/1.png");
    write(
        dir.path(),
        "set/m.csv",
        list(&absolute.display().to_string()).as_bytes(),
    );
    let toml = "name = 's'\nkind = 'manifest'\nfile = 'set/m.csv'\n";
    let source = try_open(toml, Path::new(dir.path())).unwrap();
    assert_eq!(source.id(0), "cat/1.png");
    assert!(
        source
            .image(0, &mut ssl_datasets::source::Scratch::default())
            .is_ok()
    );
}
