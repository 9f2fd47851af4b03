//! Frameworks written in Python, through `libssl_python.so`; without a harness, whose threads would forbid forking
//! (decision 0072).
//!
//! `SSL_LOTTERY_TEST_PYTHON` names an interpreter with torch; without it only what needs none is tried. The library
//! reads its interpreter and frameworks from the environment, so each part runs in a process of its own.

mod certified;
mod driven;
mod faults;
mod golden;
mod life;
mod lightly;
mod listing;
mod services;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What a part finds wrong; nothing if all holds.
type Outcome = Result<(), String>;

/// A part: what it tries, in an environment of its own.
struct Part {
    name: &'static str,
    /// The frameworks that the library is to find.
    frameworks: &'static str,
    needs: Needs,
    run: fn() -> Outcome,
}

/// What an interpreter must have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Torch,
    Lightly,
}

const PARTS: &[Part] = &[
    listing::WITHOUT_PYTHON,
    listing::BROKEN_INTERPRETER,
    listing::WITHOUT_TORCH,
    listing::BAD_VARIABLES,
    listing::REMEMBERED,
    listing::PARTLY,
    golden::GOLDEN,
    services::SERVICES,
    faults::MISTAKES,
    faults::CRASHES,
    faults::HANGS,
    life::RESUMED,
    life::KILLED,
    life::ORPHANED,
    lightly::COMPARED,
    certified::TEMPLATE,
    certified::LIGHTLY,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = &arguments[..]
        && flag == "--part"
    {
        let part = PARTS.iter().find(|part| part.name == name).expect("a part");
        return match (part.run)() {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                eprintln!("FAILED {name}: {fault}");
                ExitCode::FAILURE
            }
        };
    }
    let filters = Filters::of(&arguments);
    let python = std::env::var_os("SSL_LOTTERY_TEST_PYTHON").map(PathBuf::from);
    let mut failed = 0;
    for part in PARTS {
        if !filters.admit(part.name) {
            continue;
        }
        if let Some(reason) = lacking(part.needs, python.as_deref()) {
            println!("test {} ... ignored, {reason}", part.name);
            continue;
        }
        let done = apart(part, python.as_deref());
        println!(
            "test {} ... {}",
            part.name,
            if done { "ok" } else { "FAILED" }
        );
        failed += usize::from(!done);
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Parts that are asked for by a piece of their names, and those left out by `--skip`.
#[derive(Default)]
struct Filters {
    wanted: Vec<String>,
    skipped: Vec<String>,
}

impl Filters {
    fn of(arguments: &[String]) -> Self {
        let mut filters = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--skip" {
                filters.skipped.extend(arguments.next().cloned());
            } else if !argument.starts_with('-') {
                filters.wanted.push(argument.clone());
            }
        }
        filters
    }

    fn admit(&self, name: &str) -> bool {
        let named = |pieces: &[String]| pieces.iter().any(|piece| name.contains(piece.as_str()));
        (self.wanted.is_empty() || named(&self.wanted)) && !named(&self.skipped)
    }
}

/// Why a part cannot be tried here.
fn lacking(needs: Needs, python: Option<&Path>) -> Option<&'static str> {
    match (needs, python) {
        (Needs::Nothing, _) => None,
        (_, None) => Some("SSL_LOTTERY_TEST_PYTHON names no interpreter with torch"),
        (Needs::Lightly, Some(python)) if !imports(python, "lightly.loss") => {
            Some("its interpreter has no lightly")
        }
        _ => None,
    }
}

fn imports(python: &Path, module: &str) -> bool {
    let done = Command::new(python)
        .args(["-c", &format!("import {module}")])
        .output();
    done.is_ok_and(|output| output.status.success())
}

/// Runs a part in a process with its environment.
fn apart(part: &Part, python: Option<&Path>) -> bool {
    let cache = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(std::env::current_exe().expect("a test has a path"));
    command
        .args(["--part", part.name])
        .env("XDG_CACHE_HOME", cache.path())
        .env("SSL_LOTTERY_FRAMEWORKS", part.frameworks)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", python_path())
        .env_remove("SSL_LOTTERY_PYTHON_LIMIT");
    match python.filter(|_| part.needs != Needs::Nothing) {
        Some(python) => command.env("SSL_LOTTERY_PYTHON", python),
        None => command.env_remove("SSL_LOTTERY_PYTHON"),
    };
    command.status().is_ok_and(|status| status.success())
}

/// Runs this part again with a variable of its own.
fn again(name: &str, value: &str) -> Outcome {
    apart_with(&[(name, value)])
}

/// Runs this part again in a process with these variables.
fn apart_with(variables: &[(&str, &str)]) -> Outcome {
    let mut command = Command::new(std::env::current_exe().expect("a test has a path"));
    command
        .args(std::env::args().skip(1))
        .envs(variables.iter().copied());
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(said)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The package, the frameworks of these tests, the template.
fn python_path() -> std::ffi::OsString {
    let folders = [
        "plugin-api/python",
        "tests/python",
        "examples/plugin-python",
    ];
    std::env::join_paths(folders.map(|folder| root().join(folder))).expect("paths without colons")
}

fn library(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a path");
    exe.with_file_name(format!("libssl_{name}.so"))
}

/// A fault unless `found` contains all of the words.
fn says(found: &str, words: &[&str]) -> Outcome {
    if found.contains('\n') {
        return Err(format!("expected one line, found {found:?}"));
    }
    match words.iter().find(|word| !found.contains(**word)) {
        None => Ok(()),
        Some(word) => Err(format!("expected {word:?} in the message, found: {found}")),
    }
}
