//! A child that is asked one question.

use super::runner::{Ended, Errors, Limits, run};
use super::signal;
use serde::de::DeserializeOwned;
use std::io;
use std::process::{Command, ExitStatus};

/// Why a child gave no answer; one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// It could not be started, or its answer not read.
    #[error("its process could not be run ({0})")]
    System(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {seconds:.0} seconds")]
    TookTooLong {
        /// The limit.
        seconds: f64,
    },
    /// It ended without an answer.
    #[error("its process {end} before it answered{}", last_words(said))]
    Ended {
        /// How.
        end: String,
        /// What it wrote last to standard error.
        said: Vec<String>,
    },
    /// The answer is none.
    #[error("an answer that cannot be read ({0})")]
    Nonsense(serde_json::Error),
}

fn last_words(said: &[String]) -> String {
    said.last().map_or_else(String::new, |line| {
        // Control characters of a plugin's message are not for a terminal.
        let line: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
        format!(": {line}")
    })
}

/// Runs `command` with the path of a private file as its last argument and reads the JSON that it
/// leaves there. Standard output is passed over: it belongs to whatever code the child loads.
///
/// # Errors
/// [`NoAnswer`].
pub fn answer<T: DeserializeOwned>(mut command: Command, limits: Limits) -> Result<T, NoAnswer> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("answer.json");
    command.arg(&path);
    let mut said = Vec::new();
    let ended = run(
        command,
        Errors::Last(&mut said),
        limits,
        None,
        &mut |line| tracing::debug!("a child wrote to its standard output: {line}"),
    )?;
    let end = match ended {
        Ended::Exited(status) => ended_by(status),
        Ended::OutOfMemory => "was ended because its memory ran out".to_owned(),
        Ended::Stalled | Ended::TookTooLong | Ended::DidNotStop => {
            return Err(NoAnswer::TookTooLong {
                seconds: limits.total.unwrap_or_default().as_secs_f64(),
            });
        }
    };
    match std::fs::read(&path) {
        // The child renames its answer to this name, so it is whole; a fault afterwards (a plugin's
        // destructor) spoils nothing.
        Ok(text) => serde_json::from_slice(&text).map_err(NoAnswer::Nonsense),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(NoAnswer::Ended { end, said }),
        Err(error) => Err(error.into()),
    }
}

/// How a process ended, in words.
pub(super) fn ended_by(status: ExitStatus) -> String {
    match signal(status) {
        Some((number, name)) => format!("was ended by signal {number} ({name})"),
        None => format!("ended with exit code {}", status.code().unwrap_or_default()),
    }
}
