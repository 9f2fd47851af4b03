//! `cargo xtask test`.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::cargo;
use crate::error::Error;
use crate::libtorch;
use crate::paths::Checkout;

/// The variable that names the folder of real images.
const DATA: &str = "SSL_LOTTERY_DATA";

/// In the name of an ignored test that measures rather than tests; run by name only.
const MEASURING: &str = "measure_";
/// In the name of an ignored test that needs a browser.
const BROWSER: &str = "in_a_browser";

/// Builds everything, plugins as libraries included, and runs every test of the workspace.
///
/// Tests that need real images are ignored unless `SSL_LOTTERY_DATA` names an existing folder.
/// `rest` goes to `cargo test`.
pub fn test(checkout: &Checkout, rest: &[String]) -> Result<ExitCode, Error> {
    libtorch::set_up(checkout, None, false)?;
    let data = data_folder();
    // One selection of targets for building and testing, so that nothing is built twice. `--lib`
    // puts the plugins' libraries where the tests look for them.
    let targets = ["--release", "--workspace", "--lib", "--bins", "--tests"];
    cargo::succeed(cargo::cargo(checkout, &["build"]).args(targets))?;

    let mut run = cargo::cargo(
        checkout,
        &["test", "--release", "--workspace", "--no-fail-fast"],
    );
    run.args(rest);
    match &data {
        Some(folder) => {
            run.env(DATA, folder);
            run.args((!rest.iter().any(|arg| arg == "--")).then_some("--"));
            run.args(["--include-ignored", "--skip", MEASURING]);
            if !has_chromium() {
                println!("no Chromium here: tests in a browser are left out");
                run.args(["--skip", BROWSER]);
            }
        }
        None => {
            run.env_remove(DATA);
        }
    }
    let (counts, success) = run_counting(&mut run)?;
    println!("\n{}", counts.summary(success, data.is_some()));
    Ok(if success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether a Chromium that the tests would find can be started.
fn has_chromium() -> bool {
    let named = env::var("SSL_LOTTERY_CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome"].map(str::to_owned);
    named.into_iter().chain(known).any(|name| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    })
}

/// The folder in `SSL_LOTTERY_DATA`, absolute because tests run in their package's folder.
fn data_folder() -> Option<PathBuf> {
    let named = env::var_os(DATA).filter(|value| !value.is_empty())?;
    let folder = PathBuf::from(&named)
        .canonicalize()
        .ok()
        .filter(|path| path.is_dir());
    if folder.is_none() {
        eprintln!(
            "warning: {DATA}={} is no folder, its tests are left out",
            named.display()
        );
    }
    folder
}

/// What the test programs reported.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Names of failed tests.
    failures: Vec<String>,
}

impl Counts {
    /// Takes in one line that a test program printed.
    fn read(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            for part in result.split(['.', ';']) {
                match part.trim().split_once(' ') {
                    Some((n, "passed")) => self.passed += n.parse::<u64>().unwrap_or(0),
                    Some((n, "failed")) => self.failed += n.parse::<u64>().unwrap_or(0),
                    Some((n, "ignored")) => self.ignored += n.parse::<u64>().unwrap_or(0),
                    _ => {}
                }
            }
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
    }

    fn summary(&self, success: bool, data: bool) -> String {
        let verdict = if success {
            "tests passed"
        } else {
            "tests FAILED"
        };
        let Self {
            passed,
            failed,
            ignored,
            failures,
        } = self;
        let mut text = format!("{verdict}: {passed} passed, {failed} failed, {ignored} ignored");
        if *ignored > 0 && !data {
            text += &format!(" (set {DATA} to a folder of real images to run those)");
        }
        for name in failures {
            text += &format!("\n  failed: {name}");
        }
        text
    }
}

/// Runs `command`, passes its output on, and counts the results in it.
fn run_counting(command: &mut Command) -> Result<(Counts, bool), Error> {
    let start = |source| Error::Start {
        program: "cargo test".to_owned(),
        source,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let mut counts = Counts::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(start)?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            counts.read(&line);
        }
    }
    let status = child.wait().map_err(start)?;
    Ok((counts, status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_programs_add_up() {
        let mut counts = Counts::default();
        let output = "running 3 tests\ntest a::b ... ok\ntest c ... FAILED\n\
            test d ... ignored, needs SSL_LOTTERY_DATA\n\
            test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 1.25s";
        output.lines().for_each(|line| counts.read(line));
        let failures = vec!["c".to_owned()];
        assert_eq!(
            counts,
            Counts {
                passed: 6,
                failed: 1,
                ignored: 3,
                failures
            }
        );
        let text = counts.summary(false, false);
        assert!(
            text.starts_with("tests FAILED: 6 passed, 1 failed, 3 ignored"),
            "{text}"
        );
        assert!(text.ends_with("failed: c"), "{text}");
    }
}
