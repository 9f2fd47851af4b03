//! Finding out what plugins contain without letting their code into this process.
//!
//! Opening a library runs its initialisers and its greeting. A child process does that; when it
//! dies, each library gets a child of its own, so that the culprit is refused by name and the
//! others are found.

use super::registry::{Refused, Registry};
use super::search::{directories, libraries};
use crate::run::signal;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a library may take to say what it contains.
const LIMIT: Duration = Duration::from_secs(60);

/// What [`Registry::discover`] finds, with `program probe` (this program) doing the opening.
#[must_use]
pub fn probe(program: &Path, given: &[PathBuf]) -> Registry {
    let mut together = Command::new(program);
    together.arg("probe");
    for directory in given {
        together.arg("--plugin-dir").arg(directory);
    }
    match ask(together) {
        Ok(registry) => registry,
        Err(_) => one_by_one(program, given),
    }
}

fn one_by_one(program: &Path, given: &[PathBuf]) -> Registry {
    let mut registry = Registry::default();
    for directory in directories(given) {
        let paths = match libraries(&directory) {
            Ok(paths) => paths,
            Err(error) => {
                registry.refuse_directory(&directory, &error);
                continue;
            }
        };
        for path in paths {
            let mut alone = Command::new(program);
            alone.arg("probe").arg("--library").arg(&path);
            match ask(alone) {
                Ok(found) => registry.merge(found),
                Err(error) => {
                    let reason = format!(
                        "{}: expected a plugin that says what it contains, found: {error}",
                        path.display()
                    );
                    registry.refused.push(Refused { path, reason });
                }
            }
        }
    }
    registry.sort();
    registry
}

/// Runs a probe and reads its answer.
fn ask(mut command: Command) -> io::Result<Registry> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdout = child.stdout.take();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.map_or(Ok(0), |mut pipe| pipe.read_to_string(&mut text))?;
        Ok::<String, io::Error>(text)
    });
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!(
                "no answer within {} seconds",
                LIMIT.as_secs()
            )));
        }
        thread::sleep(Duration::from_millis(5));
    };
    if !status.success() {
        return Err(io::Error::other(end(status)));
    }
    let text = reader
        .join()
        .map_err(|_| io::Error::other("its answer could not be read"))??;
    // The answer is the last line; a library may have printed before it.
    let line = text.lines().next_back().unwrap_or_default();
    serde_json::from_str(line).map_err(io::Error::other)
}

fn end(status: ExitStatus) -> String {
    match signal(status) {
        Some((number, name)) => format!("its process was ended by signal {number} ({name})"),
        None => format!(
            "its process ended with exit code {}",
            status.code().unwrap_or_default()
        ),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use std::fs;

    #[test]
    fn a_library_that_kills_its_process_is_refused_by_name_and_the_others_are_heard() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["libbad.so", "libgood.so"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let program = dir.path().join("program");
        let script = r#"#!/bin/sh
            case "$*" in
                *good.so) echo noise; echo '{"candidates":[],"refused":[{"path":"x","reason":"heard"}]}';;
                *) kill -SEGV $$;;
            esac
        "#;
        // Not written by this process: a file that it has open for writing is inherited by whatever
        // another test starts meanwhile, and cannot be run until that lets go of it.
        let mut write = Command::new("sh");
        write.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]);
        assert!(write.arg(&program).arg(script).status().unwrap().success());
        let registry = probe(&program, &[dir.path().to_owned()]);
        // The probe also hears the libraries beside this test; only those of the folder are meant.
        let folder = dir.path().display().to_string();
        let reasons: Vec<&str> = registry
            .refused
            .iter()
            .map(|r| r.reason.as_str())
            .filter(|reason| *reason == "heard" || reason.contains(&folder))
            .collect();
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        assert!(
            reasons[0].contains("libbad.so") && reasons[0].ends_with("signal 11 (SIGSEGV)"),
            "{reasons:?}"
        );
        assert_eq!(reasons[1], "heard");
    }
}
