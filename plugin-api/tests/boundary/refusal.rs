//! Libraries that must not be loaded, each refused in one line that says why.

use crate::fixtures::library;
use ssl_plugin_api::foreign::{Plugin, Refusal};

fn refusal(name: &str) -> Refusal {
    match Plugin::open(&library(name)) {
        Ok(_) => panic!("{name} was loaded"),
        Err(refusal) => refusal,
    }
}

#[test]
fn a_missing_file_is_not_a_library() {
    let refusal = refusal("no_such_fixture");
    assert!(matches!(refusal, Refusal::NotALibrary { .. }), "{refusal}");
    assert!(refusal.to_string().contains("libno_such_fixture.so"));
}

#[test]
fn a_text_file_is_not_a_library() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("libssl_text.so");
    std::fs::write(&path, "not an ELF file").expect("a file can be written");
    let refusal = Plugin::open(&path).err().expect("refused");
    assert!(matches!(refusal, Refusal::NotALibrary { .. }), "{refusal}");
    assert_eq!(refusal.to_string().lines().count(), 1);
}

#[test]
fn another_library_is_not_a_plugin() {
    assert!(matches!(
        refusal("fixture_not_a_plugin"),
        Refusal::NotAPlugin { .. }
    ));
}

#[test]
fn another_major_version_is_refused_before_anything_runs() {
    let refusal = refusal("fixture_bad_major");
    assert!(
        matches!(
            refusal,
            Refusal::Major {
                expected: 1,
                found: 2,
                ..
            }
        ),
        "{refusal}"
    );
}

#[test]
fn another_layout_is_refused_in_one_line() {
    let refusal = refusal("fixture_bad_layout");
    assert!(matches!(refusal, Refusal::Layout { .. }), "{refusal}");
    let line = refusal.to_string();
    assert_eq!(line.lines().count(), 1);
    assert!(line.len() < 500, "{} characters: {line}", line.len());
    println!("{line}");
}
