//! `run`: the whole benchmark.

use super::bench_args::BenchArgs;
use super::dry_run;
use super::exit::{Exit, Failure};
use super::launched::{self, Started};
use super::logging::Verbosity;
use super::plugins::{self, Format};
use crate::config::{Benchmark, Document, OnBroken};
use crate::ledger::{DataFacts, Ledger, Plan, Status};
use crate::run::{
    Cancel, Elsewhere, Lead, PlannedCell, ProgressDisplay, Shard, Supervisor, crowded, files, plan,
    prepare, summary,
};
use crate::terminal::out;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Run a benchmark: pretrain, evaluate, aggregate. The same command resumes it
#[derive(Args, Debug)]
pub struct Run {
    #[command(flatten)]
    of: BenchArgs,
    /// Run cells in this process, one by one, for a debugger
    #[arg(long)]
    in_process: bool,
    /// Resume checkpoints that another build of their plugin wrote, with a warning
    #[arg(long)]
    allow_other_build: bool,
    /// Remove what was computed of this benchmark, and compute it anew
    #[arg(long, conflicts_with = "allow_other_build")]
    fresh: bool,
    /// Remove a cell, by the name of its directory, and compute it anew (repeatable)
    #[arg(long, value_name = "CELL")]
    redo: Vec<String>,
    /// Compute each N-th cell alone, from number I on, counted from 0 [default: the task of a Slurm array or of
    /// a Kubernetes Indexed Job, or else all]
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Say which cells would be computed and what they need, after measuring this machine for some seconds; write nothing
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: output format
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "dry_run")]
    format: Format,
    /// Wait for cells that other runs compute, and take over those of runs that end
    #[arg(long)]
    wait: bool,
}

impl Run {
    pub(super) fn execute(&self, verbosity: Verbosity) -> Result<Exit, Failure> {
        let lead = match launched::started()? {
            Started::Alone => None,
            Started::First(lead) => Some(lead),
            Started::Other(launch) => return launched::follow(&launch),
        };
        let (bench, document) = self.of.load()?;
        launched::check(&bench, lead.is_some(), self.in_process)?;
        let place = Place {
            out: self.of.out(),
            plugin_dir: &self.of.plugin_dir,
            in_process: self.in_process,
            allow_other_build: self.allow_other_build,
            fresh: self.fresh,
            redo: &self.redo,
            shard: match self.shard {
                Some(shard) => Some(shard),
                None => shard_of_environment()?,
            },
            wait: self.wait,
            owned: true,
            lead,
        };
        match self.dry_run {
            true => dry_run::execute(&bench, &document, &place, self.format),
            false => carry_out(&bench, &document, &place, verbosity),
        }
    }
}

/// Where and how a benchmark is carried out.
pub(super) struct Place<'a> {
    /// The results' folder.
    pub out: PathBuf,
    /// Further directories of plugins.
    pub plugin_dir: &'a [PathBuf],
    /// Whether cells are computed in this process.
    pub in_process: bool,
    /// Whether a checkpoint of another build of its plugin is resumed.
    pub allow_other_build: bool,
    /// Whether cells that were computed are removed and computed anew.
    pub fresh: bool,
    /// Names of cells that are removed and computed anew.
    pub redo: &'a [String],
    /// Which of the cells are computed; `None` for all.
    pub shard: Option<Shard>,
    /// Whether cells that other runs compute are waited for.
    pub wait: bool,
    /// Whether the results' folder is the benchmark's own, which keeps it.
    pub owned: bool,
    /// The other processes that a launcher has started with this one.
    pub lead: Option<Lead>,
}

/// The shard that a scheduler asks for.
pub(super) fn shard_of_environment() -> Result<Option<Shard>, Failure> {
    Shard::of_environment().map_err(|error| {
        Failure::with_help(
            Exit::BadInput,
            error,
            "without --shard, the variables of Slurm arrays and Kubernetes jobs say which cells are computed",
        )
    })
}

/// Computes what the ledger does not have, shows the tables and writes the reports.
pub(super) fn carry_out(
    bench: &Benchmark,
    document: &Document,
    place: &Place<'_>,
    verbosity: Verbosity,
) -> Result<Exit, Failure> {
    let out = &place.out;
    let registry = plugins::find(place.plugin_dir);
    let ledger = Ledger::open(out)?.afresh(place.fresh).redoing(place.redo);
    let mut cells = plan(bench, document, &registry.candidates, &ledger)?;
    let planned = planned(&cells);
    known(place.redo, &planned)?;
    if let Some(shard) = place.shard {
        shard.mark(&mut cells);
    }
    for cell in &mut cells {
        cell.job.setup.allow_other_build = place.allow_other_build;
    }
    let display = ProgressDisplay::new(verbosity.is_quiet());
    let data = look_at_data(bench, document, &mut cells, &display)?;
    // Not before: a benchmark that cannot be run leaves everything as it is.
    for cell in &cells {
        let anew = place.fresh || place.redo.contains(&cell.dir.name());
        if anew && cell.is_to_do() {
            cell.dir.claim(Duration::ZERO)?.clear()?;
        }
        if let Some(failure) = cell
            .record
            .failure
            .as_ref()
            .filter(|_| cell.record.unreadable)
        {
            tracing::warn!("{}: {}", cell.dir.name(), failure.message);
        }
    }
    if place.owned {
        ledger.write_bench(bench)?;
        ledger.write_plan(&planned)?;
    }
    let cancel = Cancel::default();
    if let Err(error) = cancel.on_signals() {
        tracing::warn!("signals are not handled, a run that is stopped may lose work: {error}");
    }
    display.line(&announcement(&cells, place));
    if let Some(note) = crowded(bench, cells.iter().filter(|cell| cell.is_to_do()).count()) {
        tracing::warn!("{note}");
    }
    for cell in &cells {
        let name = cell.dir.name();
        for difference in cell.differences(data.as_ref()) {
            tracing::warn!("{name} {difference}, or remove its directory to compute it again");
        }
        if cell.is_done() && cell.is_of_another_build() {
            tracing::warn!(
                "{name} was computed with another build of its plugin; remove its directory to compute it again"
            );
        }
    }
    let program = if place.in_process {
        None
    } else {
        Some(this_program()?)
    };
    let supervisor = Supervisor {
        config: &bench.run,
        program,
        display: &display,
        cancel: &cancel,
        wait: place.wait,
        lead: place.lead.as_ref(),
    };
    let cells = supervisor.run(cells)?;
    let protocol_results = summary::protocol_results(&cells, &bench.aggregate);
    // Files first: the terminal may be gone.
    let reference = bench.data.test.first().map_or("val", |set| &set.name);
    let written = files::write_scores(out, &cells).and_then(|()| {
        let aggregate = &bench.aggregate;
        files::write_reports(out, &planned, reference, aggregate, &protocol_results)
    });
    out!("{}", summary::text(&protocol_results));
    out!("{}", summary::shortfall(&cells));
    written?;
    display.line(&format!("records, predictions, reports: {}", out.display()));
    Ok(exit(&cells, &cancel))
}

/// Checks the data of a benchmark that has cells to compute, and hands the findings to the cells.
fn look_at_data(
    bench: &Benchmark,
    document: &Document,
    cells: &mut [PlannedCell],
    display: &ProgressDisplay,
) -> Result<Option<DataFacts>, Failure> {
    let open = || cells.iter().filter(|cell| cell.is_to_do());
    if open().next().is_none() {
        return Ok(None);
    }
    display.line(match bench.data.on_broken {
        OnBroken::Fail => "looking at the data",
        OnBroken::Skip => "looking at the data, every image of every set",
    });
    let pretrains = open().any(PlannedCell::pretrains);
    let facts = prepare(bench, document, pretrains)?;
    for cell in cells {
        cell.job.data = facts.clone();
    }
    Ok(Some(facts))
}

/// The cells that make up the tables of this run.
pub(super) fn planned(cells: &[PlannedCell]) -> Plan {
    let evaluation = cells.first().map(|cell| &cell.job.evaluation);
    Plan {
        cells: cells.iter().map(|cell| cell.dir.name()).collect(),
        evaluation: serde_json::to_value(evaluation).unwrap_or_default(),
    }
}

/// Refuses names of cells that the benchmark does not have.
pub(super) fn known(redo: &[String], planned: &Plan) -> Result<(), Failure> {
    match redo.iter().find(|name| !planned.cells.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::message(
            Exit::BadInput,
            format!("`--redo`: expected a cell of this benchmark, found `{name}`"),
            format!("its cells are {}", planned.cells.join(", ")),
        )),
    }
}

pub(super) fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| {
        Failure::with_help(
            Exit::PluginFault,
            error,
            "the program cannot find itself to start cells; use --in-process",
        )
    })
}

fn announcement(cells: &[PlannedCell], place: &Place<'_>) -> String {
    let done = cells.iter().filter(|cell| cell.is_done()).count();
    let known = match done {
        0 => String::new(),
        n => format!(", {n} of them done before"),
    };
    let own = cells.iter().filter(|cell| cell.elsewhere.is_none()).count();
    let shard = place.shard.map_or_else(String::new, |shard| {
        format!(", {own} of them in shard {shard}")
    });
    let (of, out) = (cells.len(), place.out.display());
    format!("{of} cells{shard}{known}; results in {out}")
}

/// How the run ends, by its own cells: those of other shards are the business of other runs.
fn exit(cells: &[PlannedCell], cancel: &Cancel) -> Exit {
    let own = || {
        let own = |cell: &&PlannedCell| cell.elsewhere != Some(Elsewhere::Shard);
        cells.iter().filter(own)
    };
    let is_open = |cell: &PlannedCell| match cell.elsewhere {
        Some(_) => !cell.is_done(),
        None => cell.record.status == Status::Pending,
    };
    if cancel.is_set() || own().any(is_open) {
        return Exit::Interrupted;
    }
    let faults = own().filter_map(|cell| cell.record.failure.as_ref());
    faults
        .map(|fault| fault.kind.exit())
        .max_by_key(|exit| *exit as u8)
        .unwrap_or(Exit::Done)
}
