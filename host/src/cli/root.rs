//! The program's arguments, and the way from them to an exit code.

use super::cell::Cell;
use super::cells::Cells;
use super::conformance::Conformance;
use super::data::Data;
use super::describe::{Describe, Inspect};
use super::doctor::Doctor;
use super::evaluate::Evaluate;
use super::exit::{Exit, Failure};
use super::import::Import;
use super::logging::Verbosity;
use super::new::New;
use super::plugins::{Plugins, ProbeLibrary};
use super::run::Run;
use crate::libtorch;
use crate::report::command::ReportArgs;
use crate::report::page::PageArgs;
use crate::terminal::errln;
use clap::{Parser, Subcommand};
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Does a better number on ImageNet mean a better representation, or a won lottery ticket?
#[derive(Debug, Parser)]
#[command(name = "ssl-lottery", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    verbosity: Verbosity,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 checks failed, 65 bad input, 70 plugin fault or \
dead cell, 75 interrupted (the same command resumes)";

#[derive(Debug, Subcommand)]
enum Command {
    Run(Run),
    Cells(Cells),
    Evaluate(Evaluate),
    Plugins(Plugins),
    Describe(Describe),
    Conformance(Conformance),
    New(New),
    Report(ReportArgs),
    Page(PageArgs),
    Data(Data),
    Import(Import),
    Doctor(Doctor),
    #[command(hide = true)]
    Cell(Cell),
    #[command(hide = true)]
    Probe(ProbeLibrary),
    #[command(hide = true)]
    Inspect(Inspect),
}

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    crate::memory::keep_freed();
    // `doctor` reports the result, and so does every command that needs a GPU.
    let _ = libtorch::cuda_part();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no faults; printing them can only fail with standard output.
            let _ = error.print();
            let exit = if error.use_stderr() {
                Exit::BadInput
            } else {
                Exit::Done
            };
            return exit.into();
        }
    };
    cli.verbosity.start_logging();
    show_faults_on_one_line();
    match cli.command.run(cli.verbosity) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            errln!("{:?}", failure.report);
            failure.exit.into()
        }
    }
}

/// Keeps each message on one line when standard error is not a terminal, so that programs can search it.
fn show_faults_on_one_line() {
    let wrap = std::io::stderr().is_terminal();
    // Only a hook set before would be in the way, and there is none.
    let _ = miette::set_hook(Box::new(move |_| {
        Box::new(miette::MietteHandlerOpts::new().wrap_lines(wrap).build())
    }));
}

impl Command {
    /// Refuses a libtorch of another release before anything is computed with it.
    fn run(self, verbosity: Verbosity) -> Result<Exit, Failure> {
        if self.computes() {
            libtorch::check()
                .map_err(|wrong| Failure::with_help(Exit::BadInput, wrong, libtorch::FIX))?;
        }
        self.execute(verbosity)
    }

    /// Whether the subcommand calls libtorch. Those that run in a child process are checked by the parent.
    const fn computes(&self) -> bool {
        matches!(
            self,
            Self::Run(_) | Self::Evaluate(_) | Self::Conformance(_) | Self::Import(_)
        )
    }

    fn execute(self, verbosity: Verbosity) -> Result<Exit, Failure> {
        match self {
            Self::Conformance(conformance) => conformance.execute(),
            Self::New(new) => new.execute(),
            Self::Import(import) => import.execute(),
            Self::Run(run) => run.execute(verbosity),
            Self::Cells(cells) => cells.execute(),
            Self::Evaluate(evaluate) => evaluate.execute(verbosity),
            Self::Plugins(plugins) => plugins.execute(),
            Self::Describe(describe) => describe.execute(),
            Self::Inspect(inspect) => inspect.execute(),
            Self::Probe(probe) => probe.execute(),
            Self::Cell(cell) => cell.execute(),
            Self::Data(data) => data.execute(),
            Self::Doctor(doctor) => doctor.execute(),
            Self::Report(report) => super::report::execute(report),
            Self::Page(page) => super::page::execute(&page),
        }
    }
}
