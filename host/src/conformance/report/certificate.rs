//! What a plugin shows to others: its file's digest and what it passed.

use super::{Report, Status};
use crate::digest::sha256;
use serde::{Deserialize, Serialize};
use ssl_plugin_api::description::Metadata;
use ssl_plugin_api::{ABI_MAJOR, ABI_MINOR, LIBTORCH};
use std::io;

/// Ids of the checks that a certificate for ABI 1 cannot be without, one a line: what is on the list
/// stays.
pub const MUST_PASS: &str = include_str!("../mustpass-1.txt");

/// A certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whether the plugin is certified: it has a framework, no check failed, and none that must pass was left out.
    pub certified: bool,
    /// The level up to which checks were run.
    pub level: u8,
    /// The library's file name.
    pub plugin: String,
    /// SHA-256 of the library's file.
    pub sha256: String,
    /// Version of the ABI that the checks are for.
    pub abi: String,
    /// Version of the host that ran them.
    pub host: String,
    /// Release of libtorch that the host runs on.
    pub libtorch: String,
    /// The seed of the checks.
    pub seed: u64,
    /// The frameworks inside.
    pub frameworks: Vec<Framework>,
    /// What must pass and was not run or did not hold, `CHECK` or `CHECK (FRAMEWORK)`.
    pub missing: Vec<String>,
    /// The checks.
    pub checks: Vec<Line>,
}

/// A framework of a certified library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Framework {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// A check of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// The framework; empty for the library as a whole.
    pub framework: String,
    /// How it ended.
    pub status: Status,
    /// What is to be said about a check that did not succeed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Certificate {
    /// The certificate of a report.
    ///
    /// # Errors
    /// When the library's file cannot be read.
    pub fn new(report: &Report, frameworks: &[Metadata], level: u8, seed: u64) -> io::Result<Self> {
        let file = std::fs::read(&report.plugin)?;
        let missing = missing(report, frameworks, level);
        Ok(Self {
            certified: !frameworks.is_empty()
                && report.failed == 0
                && report.passed > 0
                && missing.is_empty(),
            level,
            plugin: report
                .plugin
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            sha256: sha256(&file),
            abi: format!("{ABI_MAJOR}.{ABI_MINOR}"),
            host: env!("CARGO_PKG_VERSION").to_owned(),
            libtorch: LIBTORCH.to_owned(),
            seed,
            frameworks: frameworks
                .iter()
                .map(|it| Framework {
                    id: it.id.clone(),
                    version: it.version.clone(),
                })
                .collect(),
            missing,
            checks: report
                .checks
                .iter()
                .map(|check| Line {
                    id: check.id.clone(),
                    framework: check.framework.clone(),
                    status: check.status,
                    message: match check.status {
                        Status::Success => String::new(),
                        _ => check.message.clone(),
                    },
                })
                .collect(),
        })
    }
}

/// What must pass up to this level and did not, or was not run.
fn missing(report: &Report, frameworks: &[Metadata], level: u8) -> Vec<String> {
    let known = crate::conformance::definitions();
    let mut missing = Vec::new();
    for id in MUST_PASS.lines().filter(|line| !line.is_empty()) {
        let Some(check) = known.iter().find(|check| check.id == id) else {
            continue;
        };
        if check.level > level {
            continue;
        }
        let held = |framework: &str| {
            let mut own = report.checks.iter();
            own.any(|it| it.id == id && it.framework == framework && !it.status.is_failure())
        };
        match check.run {
            crate::conformance::Run::Library(_) => {
                missing.extend((!held("")).then(|| id.to_owned()));
            }
            crate::conformance::Run::Framework(_) => {
                let without = frameworks.iter().filter(|it| !held(&it.id));
                missing.extend(without.map(|it| format!("{id} ({})", it.id)));
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::definitions;

    #[test]
    fn what_must_pass_is_known() {
        for id in MUST_PASS.lines() {
            assert!(definitions().iter().any(|check| check.id == id), "{id}");
        }
    }

    #[test]
    fn a_report_without_the_checks_that_must_pass_certifies_nothing() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let report = Report::new(
            file.path().to_owned(),
            vec![super::super::tests::check(Status::Success)],
        );
        let certificate = Certificate::new(&report, &[], 1, 1).expect("a certificate");
        assert!(!certificate.certified && !certificate.missing.is_empty());
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(certificate.sha256, empty);
    }
}
