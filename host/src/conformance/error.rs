//! Why no report can be made.

use super::golden::CaseError;
use std::path::PathBuf;

/// Why no report could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// The library was refused, or its process gave no answer; one line.
    #[error("{0}")]
    Unopened(String),
    /// The library opens and has no framework, so that there is nothing to certify.
    #[error("{}: expected a framework to certify, found none: {reason}", library.display())]
    Nothing {
        /// The library.
        library: PathBuf,
        /// Why it has none.
        reason: String,
    },
    /// A check or framework to reproduce that the library has not.
    #[error("{}: expected a check of this library to run again, found {found}", library.display())]
    Unknown {
        /// The library.
        library: PathBuf,
        /// What is not there.
        found: String,
    },
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
    /// A line to reproduce a check that cannot be read.
    #[error("expected CHECK:FRAMEWORK:SEED as a report has it, found `{found}`")]
    Reproduce {
        /// What was given.
        found: String,
    },
    /// The file of waivers cannot be used; one line.
    #[error("{}: {found}", path.display())]
    Waivers {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// A framework whose step cannot be recorded.
    #[error("{framework}: expected a step to record, found: {found}")]
    Unrecorded {
        /// The framework.
        framework: String,
        /// What went wrong.
        found: String,
    },
    /// Children cannot be made.
    #[error("checks cannot be run in processes of their own: {0}")]
    System(#[from] std::io::Error),
}
