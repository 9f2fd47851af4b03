//! Every check fails for a plugin that makes the mistake it is for, and names it; without a harness,
//! whose threads would forbid forking (decision 0072).

mod compile;
mod table;

use compile::Libraries;
use ssl_host::conformance::{Options, Report, Status, SuiteError, Waivers, definitions, run_suite};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use table::{AT_OPENING, Row, TABLE};

fn main() -> ExitCode {
    let libraries = Libraries::compile();
    let mut faults = Vec::new();
    faults.extend(every_check_has_a_plugin_that_fails_it());
    faults.extend(
        TABLE
            .iter()
            .filter_map(|row| the_mistake_is_named(&libraries, row)),
    );
    faults.extend(AT_OPENING.iter().filter_map(|(mistake, words)| {
        a_library_that_does_not_open_is_named(&libraries, mistake, words)
    }));
    faults.extend(a_plugin_without_mistakes_fails_no_check(
        &libraries.without_mistakes(),
    ));
    faults.extend(the_example_fails_by_its_backbone_alone(&libraries.align()));
    faults.extend(fuzzing_finds_what_ends_a_process(&libraries));
    faults.extend(the_frozen_plugin_fails_what_is_waived(&libraries.frozen()));
    for fault in &faults {
        eprintln!("FAILED {fault}");
    }
    println!(
        "{} mistakes, {} not found",
        TABLE.len() + AT_OPENING.len(),
        faults.len()
    );
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn certified(library: PathBuf, only: Option<&str>, limit: u64) -> Result<Report, SuiteError> {
    let options = Options {
        only: only.map(|id| format!("^{id}$")),
        limit: Duration::from_secs(limit),
        jobs: 2,
        ..Options::new(library)
    };
    run_suite(&options).map(|suite| suite.report)
}

fn every_check_has_a_plugin_that_fails_it() -> Option<String> {
    let tried: BTreeSet<&str> = TABLE.iter().map(|row| row.check).collect();
    let all: BTreeSet<&str> = definitions().iter().map(|check| check.id).collect();
    (tried != all).then(|| {
        let difference: Vec<_> = all.symmetric_difference(&tried).collect();
        format!("expected a mistake for every check and none for others, found otherwise for {difference:?}")
    })
}

fn the_mistake_is_named(libraries: &Libraries, row: &Row) -> Option<String> {
    let Row {
        mistake,
        check,
        words,
    } = row;
    // A plugin that hangs is waited for; all others answer.
    let limit = if *mistake == "hangs" { 10 } else { 120 };
    let report = match certified(libraries.with(mistake), Some(check), limit) {
        Ok(report) => report,
        Err(error) => return Some(format!("{mistake}: {error}")),
    };
    let failed = report.checks.iter().find(|it| it.status.is_failure());
    match failed {
        None => Some(format!(
            "{mistake}: expected {check} to fail, found\n{}",
            report.to_text()
        )),
        Some(it) if it.message.contains(words) => None,
        Some(it) => Some(format!(
            "{mistake}: expected {check} to say {words:?}, found: {}",
            it.message
        )),
    }
}

fn a_library_that_does_not_open_is_named(
    libraries: &Libraries,
    mistake: &str,
    words: &str,
) -> Option<String> {
    match certified(libraries.with(mistake), None, 120) {
        Ok(report) => Some(format!(
            "{mistake}: expected no report, found\n{}",
            report.to_text()
        )),
        Err(error) => {
            let told = error.to_string();
            let named = told.contains(words) && told.contains(mistake);
            (!named).then(|| format!("{mistake}: expected {words:?}, found: {told}"))
        }
    }
}

fn fuzzing_finds_what_ends_a_process(libraries: &Libraries) -> Option<String> {
    let fuzzed = |library: PathBuf| {
        let options = Options {
            fuzz: Some(Duration::from_secs(2)),
            jobs: 2,
            ..Options::new(library)
        };
        run_suite(&options).map(|suite| suite.report)
    };
    let good = match fuzzed(libraries.without_mistakes()) {
        Ok(report) => report,
        Err(error) => return Some(error.to_string()),
    };
    if good.failed > 0 || good.passed != 1 {
        return Some(format!(
            "fuzzing a plugin without mistakes:\n{}",
            good.to_text()
        ));
    }
    let bad = libraries.with("aborts");
    let found = match fuzzed(bad.clone()) {
        Ok(report) => report,
        Err(error) => return Some(error.to_string()),
    };
    let Some(finding) = found
        .checks
        .first()
        .filter(|it| it.status == Status::Crashed)
    else {
        return Some(format!(
            "fuzzing a plugin that aborts:\n{}",
            found.to_text()
        ));
    };
    let again = Options {
        reproduce: Some(finding.reproduce.clone()),
        ..Options::new(bad)
    };
    match run_suite(&again) {
        Ok(suite)
            if suite
                .report
                .checks
                .iter()
                .any(|it| it.message == finding.message) =>
        {
            None
        }
        Ok(suite) => Some(format!(
            "{}: expected {:?} again, found\n{}",
            finding.reproduce,
            finding.message,
            suite.report.to_text()
        )),
        Err(error) => Some(error.to_string()),
    }
}

fn the_frozen_plugin_fails_what_is_waived(library: &Path) -> Option<String> {
    let waivers = Path::new(env!("CARGO_MANIFEST_DIR")).join("frozen/waivers.toml");
    let options = Options {
        level: 3,
        jobs: 2,
        ..Options::new(library.to_owned())
    };
    let report = Waivers::read(&waivers)
        .and_then(|waivers| waivers.apply(run_suite(&options)?.report))
        .map_err(|error| error.to_string());
    match report {
        Ok(report) if report.failed == 0 => None,
        Ok(report) => Some(report.to_text()),
        Err(error) => Some(error),
    }
}

fn a_plugin_without_mistakes_fails_no_check(library: &Path) -> Option<String> {
    let report = match certified(library.to_owned(), None, 120) {
        Ok(report) => report,
        Err(error) => return Some(error.to_string()),
    };
    let fails = report.checks.iter().any(|it| it.status.is_failure());
    let complete = report.run() + 4 > definitions().len()
        && report.checks.iter().any(|it| it.status == Status::Success);
    (fails || !complete).then(|| format!("without a mistake:\n{}", report.to_text()))
}

/// The example pulls views together and nothing apart, so its backbone does not learn; all else holds.
fn the_example_fails_by_its_backbone_alone(library: &Path) -> Option<String> {
    let report = match certified(library.to_owned(), None, 120) {
        Ok(report) => report,
        Err(error) => return Some(error.to_string()),
    };
    let mut failed = report.checks.iter().filter(|it| it.status.is_failure());
    let other = failed.any(|it| it.id != "a-backbone-learns");
    other.then(|| format!("the example:\n{}", report.to_text()))
}
