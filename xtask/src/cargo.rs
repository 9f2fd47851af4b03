//! Runs cargo and the programs it built.

use std::env;
use std::ffi::OsStr;
use std::process::{Command, ExitStatus};

use crate::error::Error;
use crate::paths::Checkout;

/// A command that runs in the checkout's root.
///
/// The run path in every program reaches libtorch from `target/`; with another target directory it
/// cannot, so the loader is told.
pub fn command(checkout: &Checkout, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(checkout.root());
    if checkout.target() != checkout.root().join("target") {
        let mut search = vec![checkout.libtorch().join("lib")];
        if let Some(present) = env::var_os("LD_LIBRARY_PATH") {
            search.extend(env::split_paths(&present).filter(|path| !path.as_os_str().is_empty()));
        }
        if let Ok(joined) = env::join_paths(search) {
            command.env("LD_LIBRARY_PATH", joined);
        }
    }
    command
}

/// A cargo command that runs in the checkout's root, with the cargo that runs this program.
pub fn cargo(checkout: &Checkout, args: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(checkout, program);
    command.args(args);
    command
}

/// Runs `command` to its end.
pub fn status(command: &mut Command) -> Result<ExitStatus, Error> {
    command.status().map_err(|source| Error::Start {
        program: shown(command),
        source,
    })
}

/// Runs `command`; anything but success is an error.
pub fn succeed(command: &mut Command) -> Result<(), Error> {
    match status(command)?.success() {
        true => Ok(()),
        false => Err(Error::Failed {
            command: shown(command),
        }),
    }
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
    let args = command
        .get_args()
        .map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(name)
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}
