//! The workflows of plugin projects, run as a runner would run them: step by step in bash, outside of the workspace,
//! against the program that is built here. What the template offers variables for is not done: neither is the host
//! built nor PyTorch installed.
#![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

#[derive(Deserialize)]
struct Workflow {
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    env: BTreeMap<String, String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Step {
    name: Option<String>,
    uses: Option<String>,
    run: Option<String>,
    r#if: Option<String>,
    working_directory: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    with: BTreeMap<String, serde_norway::Value>,
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap()
}

/// A runner's folder after both checkouts, that of a new project in this language and that of the host.
fn with_project(language: &str) -> TempDir {
    let runner = tempfile::tempdir().unwrap();
    symlink(root(), runner.path().join("ssl-lottery")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .args(["new", "my-idea", "--lang", language, "--dir"])
        .arg(runner.path().join("plugin"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    runner
}

/// A program that is not installed here, of those that a workflow needs.
fn lacks(program: &str) -> bool {
    let is_missing = Command::new(program).arg("--version").output().is_err();
    if is_missing {
        eprintln!("skipped: {program} is not installed");
    }
    is_missing
}

/// A text with the variables of the repository in their places.
fn filled(text: &str, variables: &BTreeMap<&str, String>) -> String {
    let mut parts = text.split("${{");
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").unwrap();
        let name = expression.trim().strip_prefix("vars.").expect(text);
        filled += variables.get(name).map_or("", String::as_str);
        filled += rest;
    }
    filled
}

/// Runs the steps of the one job for the host's main branch, and gives back the certificate.
fn run(place: &Path, variables: &BTreeMap<&str, String>, more: &[(&str, &str)]) -> Value {
    let file = place.join("plugin/.github/workflows/conformance.yml");
    let text = fs::read_to_string(file).unwrap();
    let Workflow { jobs } = serde_norway::from_str(&text).unwrap();
    let [job] = &jobs.values().collect::<Vec<_>>()[..] else {
        panic!("one job: {text}");
    };
    let mut uploaded = None;
    for step in &job.steps {
        match (&step.run, &step.uses) {
            (Some(script), None) => {
                let wanted = step.r#if.as_deref();
                if wanted.is_some_and(|it| it == "matrix.host == 'release'") {
                    continue;
                }
                assert_eq!(wanted, None, "another condition");
                let env = job.env.iter().chain(&step.env);
                let output = shell(script)
                    .current_dir(place.join(step.working_directory.as_deref().unwrap_or("")))
                    .envs(env.map(|(name, value)| (name, filled(value, variables))))
                    .envs(more.iter().copied())
                    .output()
                    .unwrap();
                assert!(
                    output.status.success(),
                    "{:?}: {}{}",
                    step.name,
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            (None, Some(action)) if action.starts_with("actions/checkout@") => {
                let path = step.with["path"].as_str().unwrap();
                assert!(place.join(path).is_dir(), "{path}");
            }
            (None, Some(action)) if action.starts_with("actions/upload-artifact@") => {
                uploaded = step.with["path"].as_str();
            }
            other => panic!("another kind of step: {other:?}"),
        }
    }
    for path in uploaded.expect("what is uploaded").lines() {
        assert!(place.join(path).is_file(), "{path}");
    }
    serde_json::from_slice(&fs::read(place.join("plugin/certificate.json")).unwrap()).unwrap()
}

/// A step as a runner starts it, without what cargo tells the tests of this package.
fn shell(script: &str) -> Command {
    let mut command = Command::new("bash");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_")) {
        if name != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    for name in ["LIBTORCH", "LD_LIBRARY_PATH", "RUSTFLAGS"] {
        command.env_remove(name);
    }
    command.args(["-e", "-c", script]);
    command
}

/// The variables of a repository whose runner has this host.
fn variables() -> BTreeMap<&'static str, String> {
    let program = env!("CARGO_BIN_EXE_ssl-lottery").to_owned();
    BTreeMap::from([("SSL_LOTTERY", program)])
}

fn is_certified(certificate: &Value) {
    assert_eq!(certificate["certified"], true, "{certificate:#}");
    assert_eq!(certificate["level"], 3, "{certificate:#}");
    let checks = certificate["checks"].as_array().unwrap();
    let is_golden = |check: &Value| check["id"] == "golden/step" && check["status"] == "success";
    assert!(
        checks.len() > 40 && checks.iter().any(is_golden),
        "{certificate:#}"
    );
}

#[test]
fn projects_in_c_and_cpp_are_certified_by_their_workflows() {
    if lacks("make") {
        return;
    }
    for language in ["c", "cpp"] {
        let runner = with_project(language);
        is_certified(&run(runner.path(), &variables(), &[]));
    }
}
