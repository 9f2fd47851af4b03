//! `run --dry-run`: what a run would do and need.

use super::exit::{Exit, Failure};
use super::plugins::{self, Format};
use super::run::{Place, known, planned, this_program};
use crate::config::{Benchmark, Document};
use crate::ledger::Ledger;
use crate::run::forecast::{ForecastError, forecast, text};
use crate::run::plan;
use crate::terminal::{out, outln};
use std::time::Duration;

/// For so long this machine is measured.
const LIMIT: Duration = Duration::from_secs(8);

pub(super) fn execute(
    bench: &Benchmark,
    document: &Document,
    place: &Place<'_>,
    format: Format,
) -> Result<Exit, Failure> {
    let registry = plugins::find(place.plugin_dir);
    let ledger = Ledger::look(&place.out)?
        .afresh(place.fresh)
        .redoing(place.redo);
    let mut cells = plan(bench, document, &registry.candidates, &ledger)?;
    known(place.redo, &planned(&cells))?;
    if let Some(shard) = place.shard {
        shard.mark(&mut cells);
    }
    let program = this_program()?;
    let found = forecast(bench, &cells, &place.out, &program, LIMIT).map_err(failure)?;
    match format {
        Format::Json => outln!("{:#}", serde_json::json!(found)),
        Format::Text => out!("{}", text(&found)),
    }
    Ok(Exit::Done)
}

fn failure(error: ForecastError) -> Failure {
    let (exit, help) = match &error {
        ForecastError::Data(_) => (
            Exit::BadInput,
            "`ssl-lottery data check` says more; a set has to be there before its images are counted",
        ),
        ForecastError::Plugin(_) => (
            Exit::PluginFault,
            "`ssl-lottery describe` asks the plugin alone",
        ),
        ForecastError::Backbone(_) => (Exit::BadInput, "check `[backbone]` and `[views]`"),
    };
    Failure::with_help(exit, error, help)
}
