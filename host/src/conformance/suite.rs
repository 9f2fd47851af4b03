//! All checks of a plugin, each in a child process with a time limit.

use super::case::{Case, CaseError};
use super::report::{Check, Report, Status};
use super::{bank, step};
use ssl_plugin_api::FaultKind;
use ssl_plugin_api::foreign::{Plugin, Refusal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Why no report could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// The library was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A golden file cannot be used.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The folder of golden files cannot be listed, or has none.
    #[error("{}: expected a folder with .safetensors files, found {found}", path.display())]
    NoGolden {
        /// The folder.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// The pattern is no regular expression.
    #[error("expected a regular expression, found: {0}")]
    Pattern(#[from] regex::Error),
}

/// Where checks run.
#[derive(Clone, Debug)]
pub enum Runner {
    /// In this process: for debuggers.
    InProcess,
    /// In a child process, by this command line followed by `LIB FILE`, which prints the check as
    /// JSON on standard output.
    Child {
        /// Program and leading arguments.
        command: Vec<PathBuf>,
        /// Time after which the child is killed.
        limit: Duration,
    },
}

/// Runs every golden file of `folder` whose check id matches `only` against the library.
///
/// # Errors
/// A library that is refused, a folder without golden files, an unreadable file.
pub fn run_suite(
    library: &Path,
    folder: Option<&Path>,
    only: Option<&str>,
    runner: &Runner,
) -> Result<Report, SuiteError> {
    let plugin = Plugin::open(library)?;
    let only = only.map(regex::Regex::new).transpose()?;
    let mut checks = Vec::new();
    for file in folder.map(golden_files).transpose()?.unwrap_or_default() {
        let case = Case::read(&file)?;
        let id = format!("golden/{}", case.stem());
        if only.as_ref().is_some_and(|only| !only.is_match(&id)) {
            continue;
        }
        let here = plugin
            .frameworks()
            .iter()
            .any(|card| card.id == case.framework);
        checks.push(match (here, runner) {
            (false, _) => skipped(id, &case),
            (true, Runner::InProcess) => check_case(&plugin, &case),
            (true, Runner::Child { command, limit }) => in_child(library, &case, command, *limit),
        });
    }
    Ok(Report::new(library.to_owned(), checks))
}

fn golden_files(folder: &Path) -> Result<Vec<PathBuf>, SuiteError> {
    let none = |found: String| SuiteError::NoGolden {
        path: folder.to_owned(),
        found,
    };
    let entries = std::fs::read_dir(folder).map_err(|error| none(error.to_string()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    files.sort();
    if files.is_empty() {
        Err(none("none".to_owned()))
    } else {
        Ok(files)
    }
}

fn blank(id: String, case: &Case, status: Status, message: String) -> Check {
    Check {
        id,
        framework: case.framework.clone(),
        status,
        message,
        max_rel_error: Default::default(),
    }
}

fn skipped(id: String, case: &Case) -> Check {
    blank(
        id,
        case,
        Status::Skipped,
        format!("this library has no framework `{}`", case.framework),
    )
}

/// Runs one case in this process.
#[must_use]
pub fn check_case(plugin: &Plugin, case: &Case) -> Check {
    let id = format!("golden/{}", case.stem());
    let run = if case.is_bank() { bank::run } else { step::run };
    match run(plugin, case) {
        Ok(comparison) if comparison.faults.is_empty() => Check {
            max_rel_error: comparison.errors,
            ..blank(
                id,
                case,
                Status::Success,
                "matches the reference".to_owned(),
            )
        },
        Ok(comparison) => Check {
            max_rel_error: comparison.errors,
            ..blank(id, case, Status::Failed, comparison.faults.join("; "))
        },
        Err(fault) if fault.kind == FaultKind::Panic => {
            blank(id, case, Status::Crashed, fault.message)
        }
        Err(fault) => blank(
            id,
            case,
            Status::Failed,
            format!("{}: {fault}", fault.kind.name()),
        ),
    }
}

fn in_child(library: &Path, case: &Case, command: &[PathBuf], limit: Duration) -> Check {
    let id = format!("golden/{}", case.stem());
    let crashed = |message: String| blank(id.clone(), case, Status::Crashed, message);
    let Some((program, arguments)) = command.split_first() else {
        return crashed("no command to run checks with".to_owned());
    };
    let spawned = Command::new(program)
        .args(arguments)
        .args([library, &case.path])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return crashed(format!("the check's process did not start: {error}")),
    };
    let deadline = Instant::now() + limit;
    let killed = loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(Some(_)) => break false,
            _ => {
                let _already_dead = child.kill();
                break true;
            }
        }
    };
    let output = match child.wait_with_output() {
        Ok(output) => output,
        Err(error) => return crashed(format!("the check's process cannot be read: {error}")),
    };
    if killed {
        return crashed(format!("killed: no answer within {} s", limit.as_secs()));
    }
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let last = String::from_utf8_lossy(&output.stderr);
        let last = last
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no message");
        crashed(format!(
            "the check's process died ({}): {last}",
            output.status
        ))
    })
}
