//! `cargo xtask bench`.

use std::process::ExitCode;

use crate::cargo;
use crate::error::Error;
use crate::libtorch;
use crate::paths::Checkout;

/// Runs the criterion benches; `rest` goes to `cargo bench`, e.g. `-p ssl-plugin-api`.
pub fn bench(checkout: &Checkout, rest: &[String]) -> Result<ExitCode, Error> {
    libtorch::set_up(checkout, None, false)?;
    // By name, because `--benches` would run the unit tests' harness too, which does not know
    // criterion's options.
    let mut args = vec!["bench", "--bench", "*"];
    if !rest
        .iter()
        .any(|arg| arg == "-p" || arg.starts_with("--package"))
    {
        args.push("--workspace");
    }
    cargo::succeed(cargo::cargo(checkout, &args).args(rest))?;
    Ok(ExitCode::SUCCESS)
}
