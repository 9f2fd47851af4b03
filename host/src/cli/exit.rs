//! Errors that know their exit code.

use crate::config::{BenchmarkFault, ConfigError};
pub use crate::exit::Exit;
use crate::ledger::LedgerError;
use crate::run::RunError;
use crate::terminal::with_causes;
use miette::{Diagnostic, Report};

/// An error on its way out: what to show, and with which code to end.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What is shown.
    pub report: Report,
}

impl Failure {
    /// A failure that ends with `exit`.
    pub fn new(exit: Exit, error: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self {
            exit,
            report: Report::new(error),
        }
    }

    /// A failure from an error without a help text of its own; `help` says what to do.
    pub fn with_help(
        exit: Exit,
        error: impl std::error::Error + Send + Sync + 'static,
        help: impl Into<String>,
    ) -> Self {
        Self::new(
            exit,
            Helped {
                error: Box::new(error),
                help: help.into(),
            },
        )
    }

    /// A failure that has no error type: one line, and what to do.
    pub fn message(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::with_help(exit, Line(message.into()), help)
    }

    /// A single fault needs no list around it.
    fn only(faults: Vec<BenchmarkFault>) -> Self {
        let mut reports = faults.into_iter().map(Report::new);
        Self {
            exit: Exit::BadInput,
            report: reports.next().unwrap_or_else(|| Report::msg("no fault")),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Line(String);

#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{}", with_causes(&**error))]
#[diagnostic(help("{help}"))]
struct Helped {
    error: Box<dyn std::error::Error + Send + Sync>,
    help: String,
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Faults { faults, .. } if faults.len() == 1 => Self::only(faults),
            other => Self::new(Exit::BadInput, other),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Plan { faults } | RunError::Data { faults } if faults.len() == 1 => {
                Self::only(faults)
            }
            RunError::Plan { .. } | RunError::Data { .. } => Self::new(Exit::BadInput, error),
            RunError::Ledger(error) => error.into(),
            RunError::Thread => Self::with_help(
                Exit::PluginFault,
                error,
                "this is a fault of ssl-lottery itself; please report it",
            ),
            RunError::Start { .. } => Self::with_help(
                Exit::PluginFault,
                error,
                "check that the program may be run and the machine has memory left",
            ),
            RunError::Write { .. } => Self::with_help(
                Exit::BadInput,
                error,
                "check that the directory may be written and the disk has room",
            ),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = match &error {
            LedgerError::Busy { .. } | LedgerError::Taken { .. } => Exit::Interrupted,
            _ => Exit::BadInput,
        };
        let help = match &error {
            LedgerError::Busy { .. } => "wait for it to end, or choose another --out",
            LedgerError::Taken { .. } => "run the benchmark again",
            LedgerError::Io { .. } => {
                "check that the directory may be written and the disk has room"
            }
            LedgerError::Record { .. }
            | LedgerError::Damaged { .. }
            | LedgerError::Counts { .. } => {
                "remove the file; what it describes is then computed again"
            }
            LedgerError::Format { .. } => "use the version of ssl-lottery that wrote it, or newer",
            _ => "this is a fault of ssl-lottery itself; please report it",
        };
        Self::with_help(exit, error, help)
    }
}
