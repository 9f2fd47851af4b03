//! A launcher around the program, which has started several processes of it.

use super::exit::{Exit, Failure};
use crate::config::Benchmark;
use crate::run::{Cancel, Lead, follow as follow_first};
use ssl_distributed::Launch;

/// What helps where a launcher's variables do not fit.
const HELP: &str = "start ranks with `torchrun --no-python`, `srun`, or `run.processes`";

/// How this process was started.
pub(super) enum Started {
    /// As one process.
    Alone,
    /// As the first of several.
    First(Lead),
    /// As another one.
    Other(Launch),
}

/// How this process was started, for a command that several may carry out together.
pub(super) fn started() -> Result<Started, Failure> {
    match launch()? {
        None => Ok(Started::Alone),
        Some(launch) if launch.rank > 0 => Ok(Started::Other(launch)),
        Some(launch) => Lead::at(&launch)
            .map(Started::First)
            .map_err(|error| Failure::with_help(Exit::PluginFault, error, HELP)),
    }
}

/// Refuses to be one of several processes, for what one process does.
pub(super) fn alone() -> Result<(), Failure> {
    launch()?.map_or(Ok(()), |launch| {
        Err(Failure::message(
            Exit::BadInput,
            format!(
                "expected one process, found rank {} of {}",
                launch.rank, launch.world_size
            ),
            "only `run` pretrains on several ranks; start this command without a launcher",
        ))
    })
}

/// Follows the first process until the run's end.
pub(super) fn follow(launch: &Launch) -> Result<Exit, Failure> {
    let cancel = Cancel::default();
    if let Err(error) = cancel.on_signals() {
        tracing::warn!("signals are not handled: {error}");
    }
    let help = "the first process says why it has ended";
    follow_first(launch, &cancel)
        .map_err(|error| Failure::with_help(Exit::PluginFault, error, help))
        .map(|()| Exit::Done)
}

/// Refuses what does not go together with several ranks, which a launcher has started (`launched`) or the run is to
/// start.
pub(super) fn check(bench: &Benchmark, launched: bool, in_process: bool) -> Result<(), Failure> {
    let refused = |message: &str, help: &str| Err(Failure::message(Exit::BadInput, message, help));
    if in_process && (launched || bench.run.has_ranks()) {
        return refused(
            "`--in-process`: expected cells of one process each, found several ranks",
            "leave `--in-process` out, or `run.processes`, `run.launcher` and the launcher",
        );
    }
    if launched && bench.run.has_ranks() {
        return refused(
            "expected ranks from one place, found a launcher around a run that starts ranks itself",
            "leave out `run.processes` and `run.launcher`, or start the run without a launcher",
        );
    }
    if launched && !bench.is_same_on_ranks() {
        return refused(
            "`data.on_broken`: expected \"fail\" with several ranks, found \"skip\"",
            "mend the images, which all ranks have to see alike, or pretrain on one rank",
        );
    }
    Ok(())
}

/// This process's place among those of a launcher.
pub(super) fn launch() -> Result<Option<Launch>, Failure> {
    Launch::from_env().map_err(|error| Failure::with_help(Exit::BadInput, error, HELP))
}
