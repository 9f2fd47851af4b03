//! Libraries that must not be loaded, each refused in one line that says why.

use crate::compiled::frozen;
use crate::fixtures::library;
use ssl_plugin_api::foreign::{Plugin, Refusal};
use std::path::Path;

fn refusal(path: &Path) -> Refusal {
    match Plugin::open(path) {
        Ok(_) => panic!("{} was loaded", path.display()),
        Err(refusal) => {
            assert_eq!(refusal.to_string().lines().count(), 1, "{refusal}");
            refusal
        }
    }
}

/// The refusal of the frozen plugin under these flags, without the file's name.
fn line(flags: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = frozen(folder.path(), flags);
    let line = refusal(&path).to_string();
    let rest = line.strip_prefix(&format!("{}: ", path.display()));
    rest.expect("the file is named first").to_owned()
}

#[test]
fn a_missing_file_is_not_a_library() {
    let refusal = refusal(&library("no_such_fixture"));
    assert!(matches!(refusal, Refusal::NotALibrary { .. }), "{refusal}");
    assert!(refusal.to_string().contains("libno_such_fixture.so"));
}

#[test]
fn a_text_file_is_not_a_library() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("libssl_text.so");
    std::fs::write(&path, "not an ELF file").expect("a file can be written");
    let refusal = refusal(&path);
    assert!(matches!(refusal, Refusal::NotALibrary { .. }), "{refusal}");
}

#[test]
fn another_library_is_not_a_plugin() {
    let expected =
        "expected an ssl-lottery plugin (symbol ssl_lottery_plugin_v1), found another library";
    let refusal = refusal(&library("fixture_not_a_plugin"));
    assert!(matches!(refusal, Refusal::NotAPlugin { .. }));
    assert!(refusal.to_string().ends_with(expected), "{refusal}");
    assert_eq!(line(&["SYMBOL=unrelated"]), expected);
}

#[test]
fn another_major_version_is_refused_by_its_number() {
    let expected = "expected ABI 1, found ABI 2; rebuild the plugin for this host's ABI";
    assert_eq!(line(&["MAJOR=2"]), expected);
    assert_eq!(line(&["MAJOR=2", "SYMBOL=ssl_lottery_plugin_v2"]), expected);
}

#[test]
fn a_capability_that_the_host_lacks_is_refused_by_name() {
    let line = line(&["REQUIRES=telepathy"]);
    assert!(
        line.starts_with("expected capabilities among [feature-passes, "),
        "{line}"
    );
    assert!(line.ends_with("], found `telepathy`"), "{line}");
}

#[test]
fn another_libtorch_is_refused_by_its_version() {
    for version in ["2.10.0", "2.8.1+cu126", "2.90.0", "3.0"] {
        assert_eq!(
            line(&[&format!("LIBTORCH={version}")]),
            format!(
                "expected a plugin built for libtorch 2.9, found one built for {version}; \
                 rebuild it against this host's libtorch"
            )
        );
    }
}

#[test]
fn a_table_that_is_too_small_is_refused() {
    assert_eq!(
        line(&["TINY"]),
        "expected a plugin's table with hello, describe and create, found a table of 8 bytes"
    );
}
