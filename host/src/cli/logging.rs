//! Diagnostics on standard error.

use clap::Args;
use std::io::{self, IsTerminal as _};
use tracing::Level;

/// `-v` and `-q`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Verbosity {
    /// Print more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Print errors only, and draw no progress bars
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl Verbosity {
    /// Whether only errors are wanted.
    #[must_use]
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    fn level(self) -> Level {
        match (self.quiet, self.verbose) {
            (true, _) => Level::ERROR,
            (_, 0) => Level::INFO,
            (_, 1) => Level::DEBUG,
            _ => Level::TRACE,
        }
    }

    /// Sends diagnostics of this program to standard error from now on.
    pub fn start_logging(self) {
        let result = tracing_subscriber::fmt()
            .with_max_level(self.level())
            .with_writer(io::stderr)
            // Else a message that cannot be written ends the program.
            .log_internal_errors(false)
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .without_time()
            .try_init();
        // Already started, by a test that runs several commands in one process.
        drop(result);
    }
}
