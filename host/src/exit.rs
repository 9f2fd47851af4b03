//! Exit codes of the program and of its cells.

use std::process::ExitCode;

/// How the program ends. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// It was done, and checks failed.
    ChecksFailed = 1,
    /// Arguments, configuration or data are at fault (`EX_DATAERR`).
    BadInput = 65,
    /// A plugin is at fault, or a cell's process died (`EX_SOFTWARE`).
    PluginFault = 70,
    /// Ended by a signal; the same command resumes (`EX_TEMPFAIL`).
    Interrupted = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
