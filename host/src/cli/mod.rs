//! The command line: arguments, exit codes, how errors and logs are shown.
//!
//! Each subcommand is one file with its arguments and an `execute`; a subcommand only parses,
//! calls the library and prints. Results go to standard output, everything else to standard error.

mod cell;
mod conformance;
mod data;
mod doctor;
mod evaluate;
mod exit;
mod import;
mod logging;
mod plugins;
mod report;
mod root;
mod run;

pub use exit::{Exit, Failure};
pub use root::main;
