//! `cells`: the cells of a benchmark, and what became of each.

use super::bench_args::BenchArgs;
use super::exit::{Exit, Failure};
use super::plugins::{self, Format};
use crate::ledger::{FolderLock, Ledger, Status};
use crate::run::{PlannedCell, Shard, plan};
use crate::terminal::{out, outln};
use clap::Args;
use serde::Serialize;

/// List the cells of a benchmark with their states; changes nothing
#[derive(Args, Debug)]
pub struct Cells {
    #[command(flatten)]
    of: BenchArgs,
    /// List the cells of this shard alone, as `run --shard I/N` computes them
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Where a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// Not begun.
    Pending,
    /// A process has it now.
    Running,
    /// Begun and not finished; no process has it.
    Interrupted,
    /// Finished with the benchmark's settings.
    Done,
    /// Pretrained, and judged with other settings; the next run judges it anew.
    Outdated,
    /// Ended by a fault.
    Failed,
    /// Its record cannot be read.
    Unreadable,
}

/// A line of the list.
#[derive(Serialize)]
struct Line {
    cell: String,
    row: String,
    seed: u64,
    state: State,
    /// The process that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    attempts: u32,
    /// Why it failed or cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Cells {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let (bench, document) = self.of.load()?;
        let registry = plugins::find(&self.of.plugin_dir);
        let ledger = Ledger::look(&self.of.out())?;
        let mut cells = plan(&bench, &document, &registry.candidates, &ledger)?;
        if let Some(shard) = self.shard {
            shard.mark(&mut cells);
            cells.retain(|cell| cell.elsewhere.is_none());
        }
        let lines: Vec<Line> = cells.iter().map(line).collect();
        match self.format {
            Format::Json => outln!("{:#}", serde_json::json!({ "cells": lines })),
            Format::Text => out!("{}", text(&lines)),
        }
        Ok(Exit::Done)
    }
}

fn line(cell: &PlannedCell) -> Line {
    let record = &cell.record;
    let holder = FolderLock::holder(cell.dir.path());
    let state = match record.status {
        _ if record.unreadable => State::Unreadable,
        _ if holder.is_some() => State::Running,
        Status::Done if cell.is_done() => State::Done,
        Status::Done => State::Outdated,
        Status::Failed => State::Failed,
        Status::Pending if record.attempts == 0 => State::Pending,
        Status::Pending | Status::Running => State::Interrupted,
    };
    let failure = record.failure.as_ref();
    Line {
        cell: cell.dir.name(),
        row: record.row().to_owned(),
        seed: record.seed,
        state,
        holder,
        attempts: record.attempts,
        reason: failure.map(|failure| failure.message.clone()),
    }
}

impl State {
    const ALL: [Self; 7] = [
        Self::Done,
        Self::Running,
        Self::Interrupted,
        Self::Pending,
        Self::Outdated,
        Self::Failed,
        Self::Unreadable,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Done => "done",
            Self::Outdated => "outdated",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
        }
    }
}

fn text(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.cell.len()).max().unwrap_or(0);
    let mut text: String = lines
        .iter()
        .map(|line| {
            let (name, state) = (&line.cell, line.state.name());
            let about = line.holder.as_ref().or(line.reason.as_ref());
            let about = about.map_or_else(String::new, |about| format!("  {about}"));
            format!("{name:width$}  {state}{about}\n")
        })
        .collect();
    let counts = State::ALL.iter().filter_map(|state| {
        let count = lines.iter().filter(|line| line.state == *state).count();
        (count > 0).then(|| format!("{count} {}", state.name()))
    });
    let counts: Vec<String> = counts.collect();
    text.push_str(&format!("{} cells: {}\n", lines.len(), counts.join(", ")));
    text
}
