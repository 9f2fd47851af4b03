//! `cargo xtask demo`.

use std::process::ExitCode;

use crate::cargo;
use crate::error::Error;
use crate::libtorch;
use crate::paths::Checkout;

/// The demo's configuration.
const CONFIG: &str = "bench/demo.toml";

/// Builds the host and every plugin, then runs the demo benchmark on images that the program draws
/// itself. `rest` goes to `ssl-lottery run`; a first argument `BENCH.toml` replaces the demo's
/// configuration. Results go to `results/` and the benchmark's name, as the host does it; the exit
/// code is the host's.
pub fn demo(checkout: &Checkout, rest: &[String]) -> Result<ExitCode, Error> {
    libtorch::set_up(checkout, None, false)?;
    // The selection of packages that the tests have: with another one, some dependencies are built twice.
    let selection = ["build", "--release", "--workspace", "--lib", "--bins"];
    cargo::succeed(&mut cargo::cargo(checkout, &selection))?;

    let program = checkout.target().join("release/ssl-lottery");
    let mut run = cargo::command(checkout, program);
    let (config, rest) = match rest {
        [first, rest @ ..] if first.ends_with(".toml") => (first.as_str(), rest),
        _ => (CONFIG, rest),
    };
    let status = cargo::status(run.args(["run", config]).args(rest))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
