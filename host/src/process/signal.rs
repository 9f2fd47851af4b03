//! Signals by name.

use std::process::ExitStatus;

/// The signal that ended a process, by number and name.
#[must_use]
pub fn signal(status: ExitStatus) -> Option<(i32, &'static str)> {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        status.signal().map(|number| (number, name(number)))
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        None
    }
}

#[cfg(unix)]
const fn name(number: i32) -> &'static str {
    // Those whose numbers are the same on every Unix.
    match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => "a signal",
    }
}
