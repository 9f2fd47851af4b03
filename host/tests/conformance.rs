//! Certification from the command line, and its documentation.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;
use ssl_host::conformance::{Group, definitions};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The fixture's library, which cargo builds beside the tests.
fn library() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    exe.with_file_name(format!(
        "libfixture_echo.{}",
        std::env::consts::DLL_EXTENSION
    ))
}

fn conformance(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .arg("conformance")
        .arg(library())
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_certificate_without_a_check_is_no_success() {
    for arguments in [&["--only", "^no-such-check$"][..], &["--skip", "."]] {
        let output = conformance(arguments);
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr);
        assert!(told.contains("nothing is certified"), "{told}");
        assert!(text(&output.stdout).contains("0 passed"));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate.json");
    let output = conformance(&["--skip", ".", "--certificate", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!file.exists());
}

#[test]
fn checks_are_chosen_by_level_and_by_name() {
    let output = conformance(&["--level", "1", "--only", "^id-", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 1);
    assert_eq!(checks[0]["id"], "id-is-plain");
    assert_eq!(checks[0]["status"], "success");
    assert_eq!(checks[0]["framework"], "echo");
    assert_eq!(conformance(&["--level", "5"]).status.code(), Some(65));
    assert_eq!(conformance(&["--only", "("]).status.code(), Some(65));
}

#[test]
fn what_a_report_names_can_be_run_again() {
    let output = conformance(&["--only", "feature-gradients", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let check = &report["checks"][0];
    // Its loss is 0 whatever the features, and its gradient is not.
    assert_ne!(check["status"], "success", "{check}");
    let again = check["reproduce"].as_str().unwrap();
    assert_eq!(again, "feature-gradients-are-slopes:echo:1");
    let output = conformance(&["--reproduce", again, "--format", "json"]);
    let repeated: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(repeated["checks"][0]["message"], check["message"]);
    assert_eq!(repeated["checks"].as_array().unwrap().len(), 1);
    for unknown in [
        "nonsense",
        "no-such-check:echo:1",
        "feature-gradients-are-slopes:other:1",
        "golden/step:echo:1",
    ] {
        let output = conformance(&["--reproduce", unknown]);
        assert_eq!(output.status.code(), Some(65), "{unknown}");
        assert!(text(&output.stderr).contains(unknown));
    }
    let output = conformance(&["--list", "--only", "("]);
    assert_eq!(output.status.code(), Some(65));
    assert!(output.stdout.is_empty());
}

#[test]
fn certificate_badge_and_junit_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, badge) = (file("certificate.json"), file("badge.svg"));
    let output = conformance(&[
        "--only",
        "^id-",
        "--certificate",
        &certificate,
        "--badge",
        &badge,
        "--format",
        "junit",
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("name=\"id-is-plain\""));
    let written: Value = serde_json::from_slice(&std::fs::read(certificate).unwrap()).unwrap();
    // One check is not all that must pass.
    assert_eq!(written["certified"], false);
    assert_eq!(written["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(written["abi"], "1.0");
    assert!(
        std::fs::read_to_string(badge)
            .unwrap()
            .contains("not certified")
    );
}

#[test]
fn a_file_that_is_no_golden_file_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.safetensors"), "nothing").unwrap();
    let output = conformance(&["--golden", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(65));
    assert!(text(&output.stderr).contains("x.safetensors"));
}

#[test]
fn a_folder_for_records_that_cannot_be_made_is_bad_input() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notes.txt");
    std::fs::write(&file, "not a folder").unwrap();
    for folder in [file.clone(), file.join("golden")] {
        let folder = folder.to_str().unwrap();
        let output = conformance(&["--record", folder]);
        assert_eq!(output.status.code(), Some(65));
        let told = text(&output.stderr)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for words in [
            folder,
            "expected a folder for golden vectors that is there or can be made, found: ",
            "(--record)",
            "name another folder",
        ] {
            assert!(told.contains(words), "{told}");
        }
    }
}

/// The chapter's list, from the checks themselves.
fn chapter() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let name = group.name().replace('-', " ");
        let _ = writeln!(text, "\n### About: {name}\n");
        for check in definitions()
            .into_iter()
            .filter(|check| check.group == group)
        {
            let _ = writeln!(
                text,
                "#### `{}` (level {})\n\n{}\n\n*Why:* {}\n\n*To mend it:* {}\n",
                check.id, check.level, check.says, check.why, check.mend
            );
        }
    }
    text.trim_end().replace("\n\n\n", "\n\n") + "\n"
}

#[test]
fn the_guide_has_every_check() {
    const MARK: &str = "--test conformance -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, tail) = page.split_once(MARK).unwrap();
    let expected = format!("\n{}", chapter().trim_start());
    if std::env::var_os("SSL_LOTTERY_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{MARK}{expected}")).unwrap();
    } else {
        assert!(
            tail == expected,
            "docs/conformance.md: write it anew with SSL_LOTTERY_WRITE_DOCS=1"
        );
    }
}
