//! The command line: arguments, exit codes, display of errors and logs.
//!
//! Each subcommand is one file with its arguments and an `execute`; a subcommand only parses,
//! calls the library and prints. Results go to standard output, everything else to standard error.

mod bench_args;
mod cell;
mod cells;
mod conformance;
mod data;
mod describe;
mod doctor;
mod dry_run;
mod evaluate;
mod exit;
mod import;
mod launched;
mod logging;
mod new;
mod page;
mod plugins;
mod report;
mod root;
mod run;

pub use exit::{Exit, Failure};
pub use root::main;
use std::convert::Infallible;
use std::path::PathBuf;

/// A folder with plugins, as an argument: one that is not there would be searched in vain.
fn folder(text: &str) -> Result<PathBuf, String> {
    match std::fs::read_dir(text) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!("expected a folder with plugins, found: {error}")),
    }
}

/// A library, as an argument. A name alone is a file of the working folder or else one beside this program, where the
/// plugins of an installed program are.
fn library(text: &str) -> Result<PathBuf, Infallible> {
    let given = PathBuf::from(text);
    let beside = std::env::current_exe().map(|program| program.with_file_name(text));
    Ok(match beside {
        Ok(beside) if given.components().count() == 1 && !given.exists() && beside.is_file() => {
            beside
        }
        _ => given,
    })
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
