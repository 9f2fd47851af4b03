//! Project tasks: `cargo xtask setup | demo | test | bench | dist`.
//!
//! This crate never links libtorch, because it is what fetches libtorch. It reads its command
//! line here, and leaves the work to [`libtorch`] (set-up), [`tasks`] (demo, tests, benches) and [`dist`] (wheels).

mod cargo;
mod dist;
mod error;
mod libtorch;
mod paths;
mod progress;
mod tasks;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::dist::DistArgs;
use crate::error::Error;
use crate::libtorch::Flavour;
use crate::paths::Checkout;

/// Project tasks of ssl-lottery.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

/// What to do.
#[derive(Subcommand)]
enum Task {
    /// Put libtorch into `.libtorch`: fetched once per user, checked, linked into the checkout.
    Setup(SetupArgs),
    /// Build host and plugins, then run the demo benchmark on drawn images; a first argument
    /// BENCH.toml runs another benchmark, the rest goes to `ssl-lottery run`.
    Demo(PassedOn),
    /// Build everything, then run every test; SSL_LOTTERY_DATA adds those on real images. The
    /// rest goes to `cargo test`.
    Test(PassedOn),
    /// Run the criterion benches; the rest goes to `cargo bench`.
    Bench(PassedOn),
    /// Build host and plugins, and write a wheel that `pip` installs.
    Dist(DistArgs),
}

/// Options of `setup`.
#[derive(Args)]
struct SetupArgs {
    /// Which libtorch; without it cuda where an NVIDIA driver runs, cpu elsewhere.
    #[arg(long, value_enum)]
    flavour: Option<Flavour>,
    /// Compare every installed library with its recorded hash, instead of its size.
    #[arg(long)]
    verify: bool,
}

/// Arguments handed on to the program that the task runs.
#[derive(Args)]
struct PassedOn {
    /// Passed on unchanged.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<ExitCode, Error> {
    let checkout = Checkout::find()?;
    match task {
        Task::Setup(args) => {
            libtorch::set_up(&checkout, args.flavour, args.verify)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Demo(args) => tasks::demo(&checkout, &args.rest),
        Task::Test(args) => tasks::test(&checkout, &args.rest),
        Task::Bench(args) => tasks::bench(&checkout, &args.rest),
        Task::Dist(args) => dist::dist(&checkout, &args),
    }
}
