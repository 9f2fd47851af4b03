//! Certification of a plugin: its frameworks against golden vectors, each check in a process of its
//! own with a time limit.
//!
//! A golden file holds the inputs of one pretext step (or a feature bank to cluster) and what a
//! reference computes from them in double precision; see `tests/golden/README.md`. Everything goes
//! through the loaded library and the boundary.

mod bank;
mod case;
mod compare;
mod report;
mod step;
mod suite;

pub use case::{Case, CaseError};
pub use compare::{Comparison, MaxErrors, Tolerance};
pub use report::{Check, Report, Status};
pub use suite::{Runner, SuiteError, check_case, run_suite};
