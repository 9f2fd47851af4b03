//! The command line: arguments, exit codes, display of errors and logs.
//!
//! Each subcommand is one file with its arguments and an `execute`; a subcommand only parses,
//! calls the library and prints. Results go to standard output, everything else to standard error.

mod cell;
mod cells;
mod conformance;
mod data;
mod describe;
mod doctor;
mod evaluate;
mod exit;
mod import;
mod logging;
mod new;
mod plugins;
mod report;
mod root;
mod run;

pub use exit::{Exit, Failure};
pub use root::main;

/// A folder with plugins, as an argument: one that is not there would be searched in vain.
fn folder(text: &str) -> Result<std::path::PathBuf, String> {
    match std::fs::read_dir(text) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!("expected a folder with plugins, found: {error}")),
    }
}

/// Leaves an answer for the process that started this one: whole, under the name that it gave.
fn give_answer<T: serde::Serialize>(path: &std::path::Path, answer: &T) -> Result<(), Failure> {
    serde_json::to_vec(answer)
        .map_err(std::io::Error::other)
        .and_then(|text| crate::atomic::write(path, &text))
        .map_err(|error| {
            let help = "check that the folder for temporary files may be written";
            Failure::with_help(Exit::BadInput, error, help)
        })
}
