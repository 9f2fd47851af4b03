//! `ssl-lottery page`: the exit code and the advice for each fault.

use super::exit::{Exit, Failure};
use super::report;
use crate::report::page::{PageArgs, PageError};
use crate::terminal::errln;

pub(super) fn execute(page: &PageArgs) -> Result<Exit, Failure> {
    let stale = page.execute().map_err(failure)?;
    let path = page.page().display();
    for line in &stale {
        match page.only_checks() {
            true => errln!(
                "{path}, line {line}: expected what the records say, found another report; `ssl-lottery page {path}` makes \
                 it anew"
            ),
            false => errln!("{path}, line {line}: made anew"),
        }
    }
    Ok(match page.only_checks() && !stale.is_empty() {
        true => Exit::ChecksFailed,
        false => Exit::Done,
    })
}

fn failure(error: PageError) -> Failure {
    let help = match &error {
        PageError::Report { source, .. } => report::advice(source),
        PageError::Mark { .. } => {
            "a report stands between the lines `<!-- report ARGUMENTS -->` and `<!-- end of report -->`"
        }
        _ => "check the path and that the page may be read and written",
    };
    Failure::with_help(Exit::BadInput, error, help)
}
