//! Certification of a plugin: checks that need nothing but the library, and golden vectors.
//!
//! A check is registered where it is written (`checks/`), with an id, a level and the sentences of
//! its documentation. It asks the framework what it wants ([`describe`]), draws features that fit
//! ([`inputs`](self)), drives the framework through the boundary as a run does, and says what it
//! found. Each runs in a forked child with limits of time and memory (decision 0072).
//!
//! [`describe`]: ssl_plugin_api::foreign::Plugin::describe

mod capture;
mod checks;
mod definition;
mod error;
mod fuzz;
mod golden;
mod inputs;
mod lent;
mod meeting;
mod options;
mod report;
mod retrieval;
mod schema;
mod session;
mod slope;
mod small;
mod snapshot;
mod spoilt;
mod step_result;
mod subject;
mod suite;
mod tensors;
mod verdict;
mod waivers;

pub use definition::{Definition, Group, HIGHEST, Run, definitions};
pub use error::SuiteError;
pub use golden::{Case, CaseError, Comparison, MaxErrors, Tolerance};
pub use options::{Options, chosen};
pub use report::{Certificate, Check, Outcome, Report, Status, badge};
pub use small::small;
pub use subject::{Library, Subject};
pub use suite::{Suite, record_golden, run_suite};
pub use verdict::{Broken, Finding, Verdict};
pub use waivers::Waivers;
