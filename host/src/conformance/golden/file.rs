//! A folder of golden files, each a check of its own.

use super::case::Case;
use super::{bank, step};
use crate::conformance::error::SuiteError;
use crate::conformance::report::{Outcome, Status};
use crate::conformance::subject::Library;
use ssl_plugin_api::FaultKind;
use ssl_plugin_api::foreign::Plugin;
use std::path::{Path, PathBuf};

/// The golden cases of a folder, by the names of their files.
///
/// # Errors
/// A folder that cannot be listed, or has none; a file that is no golden file.
pub fn golden_cases(folder: &Path) -> Result<Vec<Case>, SuiteError> {
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
        return Err(none("none".to_owned()));
    }
    let cases = files.iter().map(|file| Case::read(file));
    Ok(cases.collect::<Result<_, _>>()?)
}

/// Runs a golden case against a library, in this process.
#[must_use]
pub fn check_golden(library: &Library, case: &Case) -> Outcome {
    match Plugin::open(&library.path) {
        Ok(plugin) => check_case(&plugin, case),
        Err(refusal) => Outcome::new(Status::Failed, refusal.to_string()),
    }
}

/// Runs one case against an open plugin.
fn check_case(plugin: &Plugin, case: &Case) -> Outcome {
    let here = |id: &str| plugin.frameworks().iter().any(|it| it.id == id);
    if !here(&case.framework) {
        let why = format!("this library has no framework `{}`", case.framework);
        return Outcome::new(Status::Skipped, why);
    }
    let run = if case.is_bank() { bank::run } else { step::run };
    match run(plugin, case) {
        Ok(comparison) => Outcome {
            max_rel_error: comparison.errors,
            ..if comparison.faults.is_empty() {
                Outcome::new(Status::Success, "it matches the reference".to_owned())
            } else {
                Outcome::new(Status::Failed, comparison.faults.join("; "))
            }
        },
        Err(fault) if fault.kind == FaultKind::Panic => Outcome::crashed(fault.message),
        Err(fault) => {
            let message = format!("{}: {fault}", fault.kind.name());
            Outcome::new(Status::Failed, message)
        }
    }
}
