//! `ssl-lottery report`: the exit code and the advice for each fault.

use super::exit::{Exit, Failure};
use crate::report::{SourceError, command::ReportArgs};
use ssl_report::ReportError;

pub(super) fn execute(report: ReportArgs) -> Result<Exit, Failure> {
    report.execute().map_err(failure)?;
    Ok(Exit::Done)
}

fn failure(error: SourceError) -> Failure {
    let help = advice(&error);
    Failure::with_help(Exit::BadInput, error, help)
}

/// What to do about it.
pub(super) fn advice(error: &SourceError) -> &'static str {
    match error {
        SourceError::Report(ReportError::Read { .. }) => {
            "check the path and that the file may be read"
        }
        SourceError::Report(ReportError::Write { .. }) => {
            "check that the directory exists and may be written"
        }
        SourceError::Report(ReportError::Pdf { .. }) => {
            "install a font that has all letters of the names, or leave out --figures"
        }
        SourceError::Ledger(_) | SourceError::Evaluate(_) => {
            "a ledger is the output directory of a run; run it again to finish its cells"
        }
        SourceError::Report(ReportError::Option(_) | ReportError::Strict { .. }) => {
            "see `ssl-lottery report --help`"
        }
        _ => {
            "a table is CSV: a header `framework,<data set>,…`, a row `n` with image counts, then one row per \
             framework in percent"
        }
    }
}
