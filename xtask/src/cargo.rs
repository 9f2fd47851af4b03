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
///
/// What `cargo run` says of this package is kept from it: build scripts that look at it would run anew,
/// and libtorch's binding, which is built after one of them, takes minutes.
pub fn cargo(checkout: &Checkout, args: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(checkout, program);
    for (name, _) in env::vars_os() {
        if is_of_a_package(&name) {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// Whether `cargo run` sets this variable to something of the package that it runs.
fn is_of_a_package(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"CARGO_PKG_") || name.starts_with(b"CARGO_MANIFEST_")
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn cargo_is_not_told_of_this_package() {
        let command = cargo(&Checkout::find().unwrap(), &["build"]);
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            assert!(env::var_os(name).is_some(), "{name}: set by `cargo test`");
            let removed = command
                .get_envs()
                .any(|pair| pair == (OsStr::new(name), None));
            assert!(removed, "{name}");
        }
    }
}
