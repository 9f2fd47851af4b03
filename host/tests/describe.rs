//! What `describe` prints, and what it says of a plugin or a configuration that is at fault.
#![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

fn library(name: &str) -> PathBuf {
    let file = format!("libfixture_{name}.{}", std::env::consts::DLL_EXTENSION);
    std::env::current_exe().unwrap().with_file_name(file)
}

fn describe(name: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .arg("describe")
        .arg(library(name))
        .args(args)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Code and message of a refusal.
fn refused(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty(), "{}", text(output));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), message)
}

/// A file of configuration keys.
fn keys(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    (dir, path.to_str().unwrap().to_owned())
}

#[test]
fn the_text_is_toml_with_every_key_its_default_and_the_recipe() {
    let output = describe("echo", &[]);
    assert!(output.status.success());
    let printed: toml::Table = toml::from_str(&text(&output)).unwrap();
    let json: Value =
        serde_json::from_slice(&describe("echo", &["--format", "json"]).stdout).unwrap();
    for key in json["metadata"]["schema"].as_array().unwrap() {
        let name = key["key"].as_str().unwrap();
        let default = serde_json::to_value(&printed["config"][name]).unwrap();
        assert_eq!(default, key["default"], "{name}");
        assert!(text(&output).contains(key["doc"].as_str().unwrap()));
    }
    assert_eq!(
        printed["description"]["recipe"]["epochs"].as_integer(),
        json["description"]["recipe"]["epochs"].as_i64()
    );
}

#[test]
fn keys_of_a_file_are_used_and_a_wrong_one_is_named() {
    for (name, content) in [
        ("keys.toml", "how = 'error'"),
        ("keys.json", r#"{"how": "error"}"#),
    ] {
        let (_dir, path) = keys(name, content);
        let printed: toml::Table =
            toml::from_str(&text(&describe("echo", &["--config", &path]))).unwrap();
        assert_eq!(printed["config"]["how"].as_str(), Some("error"), "{name}");
    }
    let (_dir, path) = keys("keys.toml", "hwo = 'error'");
    let (code, message) = refused(&describe("echo", &["--config", &path]));
    assert_eq!(code, Some(65));
    assert!(
        message.contains("unknown key `hwo`, did you mean `how`?"),
        "{message}"
    );
    let (_dir, path) = keys("keys.toml", "how = ");
    let (code, message) = refused(&describe("echo", &["--config", &path]));
    assert!(
        code == Some(65) && message.contains("keys.toml"),
        "{message}"
    );
    let (code, message) = refused(&describe("echo", &["--config", "nowhere.toml"]));
    assert!(
        code == Some(65) && message.contains("nowhere.toml"),
        "{message}"
    );
}

#[test]
fn frameworks_that_are_not_there_and_libraries_that_are_no_plugins_are_named() {
    let (code, message) = refused(&describe("echo", &["other"]));
    assert_eq!(code, Some(65));
    assert!(
        message.contains("(echo)") && message.contains("`other`"),
        "{message}"
    );
    // A program is no library.
    let this = std::env::current_exe().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .arg("describe")
        .arg(&this)
        .output()
        .unwrap();
    let (code, message) = refused(&output);
    assert_eq!(code, Some(70));
    assert!(message.contains(this.to_str().unwrap()), "{message}");
}

#[test]
fn a_plugin_that_panics_or_ends_its_process_is_named() {
    let (_dir, path) = keys("keys.toml", "fault = 'describe'\nhow = 'panic'");
    let (code, message) = refused(&describe("echo", &["--config", &path]));
    assert_eq!(code, Some(70));
    assert!(
        message.contains("`describe` of echo failed (panic)"),
        "{message}"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .arg("describe")
        .arg(library("rude"))
        .env("FIXTURE_RUDE", "load:exit")
        .output()
        .unwrap();
    let (code, message) = refused(&output);
    assert_eq!(code, Some(70));
    assert!(message.contains("before it answered"), "{message}");
}
