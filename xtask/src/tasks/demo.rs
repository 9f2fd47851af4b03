//! `cargo xtask demo`.

use std::process::ExitCode;

use crate::cargo;
use crate::error::Error;
use crate::libtorch;
use crate::paths::Checkout;
use crate::tasks::plugins;

/// The demo's configuration.
const CONFIG: &str = "bench/demo.toml";

/// Builds the host and every plugin, then runs the demo benchmark on images that the program draws
/// itself. `rest` goes to `ssl-lottery run`; a first argument `BENCH.toml` replaces the demo's
/// configuration. Results go to `results/` and the benchmark's name, as the host does it; the exit
/// code is the host's.
pub fn demo(checkout: &Checkout, rest: &[String]) -> Result<ExitCode, Error> {
    libtorch::set_up(checkout, None, false)?;
    let mut packages = vec!["ssl-host".to_owned()];
    packages.extend(plugins(checkout.root())?);
    let mut build = cargo::cargo(checkout, &["build", "--release"]);
    build.args(packages.iter().flat_map(|name| ["--package", name]));
    cargo::succeed(&mut build)?;

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
