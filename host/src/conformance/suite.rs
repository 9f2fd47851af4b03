//! All checks of a plugin, each in a child process with a time limit.

use super::case::{Case, CaseError};
use super::report::{Check, Report, Status};
use super::{bank, step};
use crate::plugins::probe_one;
use crate::process::{Limits, answer};
use ssl_plugin_api::FaultKind;
use ssl_plugin_api::foreign::{Plugin, Refusal};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Why no report could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// The library was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The library was refused, or its process gave no answer; one line.
    #[error("{0}")]
    Unopened(String),
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
    /// In child processes, by this program: the library never comes into this process.
    Child {
        /// The program `ssl-lottery`, whose subcommands `probe` and `check` are used.
        program: PathBuf,
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
    let opened = Opened::new(library, runner)?;
    let only = only.map(regex::Regex::new).transpose()?;
    let mut checks = Vec::new();
    for file in folder.map(golden_files).transpose()?.unwrap_or_default() {
        let case = Case::read(&file)?;
        let id = format!("golden/{}", case.stem());
        if only.as_ref().is_some_and(|only| !only.is_match(&id)) {
            continue;
        }
        checks.push(if opened.has(&case.framework) {
            opened.check(library, &case)
        } else {
            skipped(id, &case)
        });
    }
    Ok(Report::new(library.to_owned(), checks))
}

/// A library that checks are run on.
enum Opened<'a> {
    Here(Plugin),
    Apart {
        frameworks: Vec<String>,
        program: &'a Path,
        limit: Duration,
    },
}

impl<'a> Opened<'a> {
    fn new(library: &Path, runner: &'a Runner) -> Result<Self, SuiteError> {
        let (program, limit) = match runner {
            Runner::InProcess => return Ok(Self::Here(Plugin::open(library)?)),
            Runner::Child { program, limit } => (program, *limit),
        };
        let found = probe_one(program, library, limit);
        if let Some(refused) = found.refused.into_iter().next() {
            return Err(SuiteError::Unopened(refused.reason));
        }
        let frameworks = found.candidates.into_iter().map(|it| it.metadata.id);
        Ok(Self::Apart {
            frameworks: frameworks.collect(),
            program,
            limit,
        })
    }

    fn has(&self, framework: &str) -> bool {
        match self {
            Self::Here(plugin) => plugin
                .frameworks()
                .iter()
                .any(|metadata| metadata.id == framework),
            Self::Apart { frameworks, .. } => frameworks.iter().any(|id| id == framework),
        }
    }

    fn check(&self, library: &Path, case: &Case) -> Check {
        match self {
            Self::Here(plugin) => check_case(plugin, case),
            Self::Apart { program, limit, .. } => in_child(library, case, program, *limit),
        }
    }
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

fn in_child(library: &Path, case: &Case, program: &Path, limit: Duration) -> Check {
    let mut command = Command::new(program);
    command.arg("check").args([library, &case.path]);
    let limits = Limits {
        total: Some(limit),
        ..Limits::default()
    };
    answer(command, limits).unwrap_or_else(|error| {
        let id = format!("golden/{}", case.stem());
        blank(id, case, Status::Crashed, error.to_string())
    })
}
