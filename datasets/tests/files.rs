//! Folders and archives: what is read, what is passed over and said, what is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use common::{error, png, tar_of, try_open, write};
use ssl_datasets::source::{Scratch, Source};

fn set(path: &str) -> String {
    format!("name = 's'\nkind = 'image-folder'\npath = '{path}'\n")
}

/// Id, label and pixels.
type Sample = (String, u32, Vec<u8>);

/// All that a set says of itself.
fn contents(source: &Arc<dyn Source>) -> (Vec<String>, Vec<Sample>, String) {
    let mut scratch = Scratch::default();
    let samples = (0..source.len()).map(|sample| {
        let pixels = source.image(sample, &mut scratch).unwrap().data.to_vec();
        (source.id(sample), source.labels().of(sample)[0], pixels)
    });
    let samples = samples.collect();
    let passed = source.passed_over().unwrap_or_default().to_owned();
    (source.space().classes.clone(), samples, passed)
}

fn ids(source: &Arc<dyn Source>) -> Vec<String> {
    (0..source.len()).map(|sample| source.id(sample)).collect()
}

/// Files as they lie about in data sets, each image with a value of its own.
const TREE: [(&str, u8); 18] = [
    (".DS_Store", 0),
    (".git/a.png", 0),
    (".ipynb_checkpoints/a.png", 0),
    ("README.txt", 0),
    ("__MACOSX/cat/._1.png", 0),
    ("cat/1.PNG", 1),
    ("cat/2.jpg", 2),
    ("cat/notes", 0),
    ("dog-2/1.png", 3),
    ("dog/._1.png", 0),
    ("dog/1.webp", 4),
    ("dog/Thumbs.db", 0),
    ("dog/a-b/1.png", 5),
    ("dog/a/.cache/1.png", 0),
    ("dog/a/1.png", 6),
    ("dog/a/deep/1.png", 7),
    ("dog/z.Tif", 8),
    ("loose.png", 9),
];

#[test]
fn a_folder_and_its_archives_are_the_same_set() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value) in TREE {
        write(dir.path(), &format!("set/{name}"), &png(value));
    }
    let folder = contents(&try_open(&set("set"), dir.path()).unwrap());
    assert_eq!(folder.0, ["cat", "dog", "dog-2"]);
    // In order of folder and name, as torchvision has them.
    let order: Vec<&str> = folder.1.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(
        order,
        [
            "cat/1.PNG",
            "cat/2.jpg",
            "dog/1.webp",
            "dog/z.Tif",
            "dog/a/1.png",
            "dog/a-b/1.png",
            "dog/a/deep/1.png",
            "dog-2/1.png"
        ]
    );
    assert_eq!(
        folder.2,
        "1 `.db` (dog/Thumbs.db); 1 `.txt` (README.txt); \
         6 hidden (.DS_Store, .git, .ipynb_checkpoints, …); \
         1 images beside the class folders (loose.png); 1 without ending (cat/notes)"
    );

    let mut folders: Vec<String> = TREE
        .iter()
        .flat_map(|(name, _)| {
            let ends = name
                .match_indices('/')
                .map(|(at, _)| name[..=at].to_owned());
            ends.collect::<Vec<_>>()
        })
        .collect();
    folders.sort();
    folders.dedup();
    for (form, prefix, with_folders) in [
        ("inside", "./", true),
        ("inside-files", "./", false),
        ("beside", "set/", true),
        ("beside-files", "set/", false),
        ("above", "home/me/set/", true),
        ("bare", "", false),
    ] {
        let mut members: Vec<(String, u8, Vec<u8>)> = Vec::new();
        if with_folders {
            members.push((prefix.to_owned(), b'5', Vec::new()));
            members.extend(
                folders
                    .iter()
                    .map(|f| (format!("{prefix}{f}"), b'5', vec![])),
            );
        }
        let files = TREE.iter().rev();
        members.extend(files.map(|(name, value)| (format!("{prefix}{name}"), b'0', png(*value))));
        let members: Vec<(&str, u8, &str, &[u8])> = members
            .iter()
            .map(|(name, kind, bytes)| (name.as_str(), *kind, "", bytes.as_slice()))
            .collect();
        write(dir.path(), &format!("{form}.tar"), &tar_of(&members));
        let archive = try_open(&set(&format!("{form}.tar")), dir.path()).unwrap();
        assert_eq!(contents(&archive), folder, "{form}");
    }
}

#[test]
fn links_in_an_archive_are_what_they_lead_to() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (png(1), png(2));
    let members: [(&str, u8, &str, &[u8]); 13] = [
        ("./cat/1.png", b'0', "", &one),
        ("./dog/2.png", b'0', "", &two),
        ("./cat/hard.png", b'1', "./dog/2.png", b""),
        ("./cat/soft.png", b'2', "../dog/2.png", b""),
        ("./cat/chain.png", b'2', "soft.png", b""),
        ("./fox", b'2', "dog", b""),
        ("./ox/more", b'2', "../dog", b""),
        ("./cat/absolute.png", b'2', "/etc/1.png", b""),
        ("./cat/outside.png", b'2', "../../1.png", b""),
        ("./cat/nowhere.png", b'2', "9.png", b""),
        ("./cat/circle.png", b'2', "circle.png", b""),
        ("../up.png", b'0', "", &one),
        ("./cat/pipe.png", b'6', "", b""),
    ];
    write(dir.path(), "set.tar", &tar_of(&members));
    let source = try_open(&set("set.tar"), dir.path()).unwrap();
    assert_eq!(
        ids(&source),
        [
            "cat/1.png",
            "cat/chain.png",
            "cat/hard.png",
            "cat/soft.png",
            "dog/2.png",
            "fox/2.png",
            "ox/more/2.png"
        ]
    );
    let (_, samples, passed) = contents(&source);
    for (_, _, pixels) in &samples[1..] {
        assert_eq!(pixels, &samples[4].2);
    }
    assert_eq!(
        passed,
        "5 links that lead to nothing here (../up.png, cat/absolute.png, cat/circle.png, …); \
         1 neither files nor folders (cat/pipe.png)"
    );
}

#[test]
fn links_on_disk_are_followed_but_not_in_circles() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "set/cat/1.png", &png(1));
    write(dir.path(), "store/2.png", &png(2));
    symlink("../../store/2.png", dir.path().join("set/cat/2.png")).unwrap();
    symlink("../store", dir.path().join("set/dog")).unwrap();
    symlink("..", dir.path().join("set/cat/up")).unwrap();
    symlink("nowhere", dir.path().join("set/cat/3.png")).unwrap();
    let source = try_open(&set("set"), dir.path()).unwrap();
    assert_eq!(ids(&source), ["cat/1.png", "cat/2.png", "dog/2.png"]);
    assert_eq!(
        source.passed_over(),
        Some("2 links that lead to nothing here (cat/3.png, cat/up)")
    );
}

#[test]
fn the_last_member_of_a_name_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (png(1), png(2));
    let members: [(&str, u8, &str, &[u8]); 3] = [
        ("cat/1.png", b'0', "", &old),
        ("dog/1.png", b'0', "", &old),
        ("cat/1.png", b'0', "", &new),
    ];
    write(dir.path(), "set.tar", &tar_of(&members));
    let source = try_open(&set("set.tar"), dir.path()).unwrap();
    assert_eq!(ids(&source), ["cat/1.png", "dog/1.png"]);
    assert_eq!(contents(&source).1[0].2[0], 2);
}

#[test]
fn parts_of_a_set_are_not_its_classes() {
    let dir = tempfile::tempdir().unwrap();
    let names = [
        "train/cat/1.png",
        "train/dog/1.png",
        "val/cat/1.png",
        "val/dog/1.png",
    ];
    let members: Vec<(String, Vec<u8>)> = names
        .iter()
        .enumerate()
        .map(|(value, name)| (format!("parent/{name}"), png(value as u8)))
        .collect();
    for (name, bytes) in &members {
        write(dir.path(), name, bytes);
    }
    let files: Vec<_> = members
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    write(dir.path(), "parent.tar", &common::tar(&files));
    for path in ["parent", "parent.tar"] {
        let message = error(&set(path), dir.path());
        assert!(
            message
                .contains("expected class folders, found `train` and `val` with folders in them")
                && message.contains(&format!("such as `{path}/train`")),
            "{message}"
        );
        let source = try_open(&set(&format!("{path}/val")), dir.path()).unwrap();
        assert_eq!(ids(&source), ["cat/1.png", "dog/1.png"]);
        assert_eq!(contents(&source).1[1].2[0], 3);
    }
    let message = error(&set("parent.tar/test"), dir.path());
    assert!(
        message.contains("expected a folder `test` in the archive"),
        "{message}"
    );
    // One folder around the class folders.
    let message = error(&set("."), dir.path());
    assert!(
        message.contains("found only `parent`, with 2 folders of images in it"),
        "{message}"
    );
    // A class of such a name has its images in it.
    write(dir.path(), "rail/train/1.png", &png(1));
    write(dir.path(), "rail/test/1.png", &png(1));
    assert_eq!(try_open(&set("rail"), dir.path()).unwrap().len(), 2);
}

#[test]
fn a_class_without_images_is_refused_or_kept() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "set/cat/1.png", &png(1));
    write(dir.path(), "set/dog/a.txt", b"x");
    write(dir.path(), "set/fox/1.png", &png(2));
    let members: [(&str, u8, &str, &[u8]); 3] = [
        ("cat/1.png", b'0', "", &png(1)),
        ("dog/", b'5', "", b""),
        ("fox/1.png", b'0', "", &png(2)),
    ];
    write(dir.path(), "set.tar", &tar_of(&members));
    for path in ["set", "set.tar"] {
        let message = error(&set(path), dir.path());
        assert!(
            message.contains("/dog: expected images in the class folder, found none")
                && message.contains("allow_empty = true"),
            "{message}"
        );
        let source = try_open(&format!("{}allow_empty = true", set(path)), dir.path()).unwrap();
        assert_eq!(source.space().classes, ["cat", "dog", "fox"]);
        assert_eq!(source.labels().as_single(), Some([0, 2].as_slice()));
        assert_eq!(ids(&source), ["cat/1.png", "fox/1.png"]);
    }
}

#[test]
fn names_that_are_no_text() {
    let dir = tempfile::tempdir().unwrap();
    let odd = |name: &[u8]| dir.path().join("set/cat").join(OsStr::from_bytes(name));
    write(dir.path(), "set/cat/1.png", &png(1));
    std::fs::write(odd(b"notes\xFF.txt"), "x").unwrap();
    std::fs::write(odd(b"gr\xFCn.png"), png(2)).unwrap();
    let source = try_open(&set("set"), dir.path()).unwrap();
    assert_eq!(ids(&source), ["cat/1.png", "cat/gr\u{FFFD}n.png"]);
    assert_eq!(contents(&source).1[1].2[0], 2);
    assert_eq!(
        source.passed_over(),
        Some("1 `.txt` (cat/notes\u{FFFD}.txt)")
    );
    // Two that look the same cannot be told apart by their ids.
    std::fs::write(odd(b"gr\xFBn.png"), png(3)).unwrap();
    let message = error(&set("set"), dir.path());
    assert!(
        message.contains("found two that read `gr\u{FFFD}n.png`"),
        "{message}"
    );
    // A folder gives its class the name.
    let folder = dir.path().join(OsStr::from_bytes(b"other/k\xE4se"));
    std::fs::create_dir_all(folder).unwrap();
    let message = error(&set("other"), dir.path());
    assert!(
        message.contains("folder names in UTF-8, found `k\u{FFFD}se`"),
        "{message}"
    );
}

#[test]
fn a_pipe_is_passed_over_and_never_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "set/cat/1.png", &png(1));
    let pipe = dir.path().join("set/cat/2.png");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let source = try_open(&set("set"), dir.path()).unwrap();
    assert_eq!(ids(&source), ["cat/1.png"]);
    assert_eq!(
        source.passed_over(),
        Some("1 neither files nor folders (cat/2.png)")
    );
    write(
        dir.path(),
        "set/list.csv",
        b"path,label\ncat/1.png,cat\ncat/2.png,cat\n",
    );
    let list = "name = 's'\nkind = 'manifest'\nfile = 'set/list.csv'\n";
    let source = try_open(list, dir.path()).unwrap();
    let broken = source.image(1, &mut Scratch::default()).err().unwrap();
    let message = broken.to_string();
    assert!(
        message.contains("expected a regular file, found a pipe or a device"),
        "{message}"
    );
}

#[test]
fn what_is_passed_over_is_in_the_check() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "set/cat/1.png", &png(1));
    write(dir.path(), "set/cat/1.avif", b"x");
    let config = toml::from_str(&set("set")).unwrap();
    let report = ssl_datasets::check::check(&config, &[], Some(Path::new(dir.path())), 1);
    assert!(report.passed(), "{report}");
    assert!(
        report
            .to_string()
            .contains("warning [passed-over] s: 1 `.avif` (cat/1.avif)"),
        "{report}"
    );
}
