//! All checks of a plugin, each in a child process with limits of time and memory.

use super::definition::{Definition, Run};
use super::error::SuiteError;
use super::fuzz::{FUZZ, case, fuzz, nothing_found};
use super::golden::{Case, check_golden, golden_cases, record};
use super::options::{Filter, Options};
use super::report::{Check, Outcome, Report};
use super::small::small;
use super::subject::{Library, Subject};
use super::verdict::Verdict;
use crate::plugins::why_none;
use crate::process::fork_each;
use serde_json::{Map, Value};
use ssl_plugin_api::description::Metadata;
use ssl_plugin_api::foreign::Plugin;
use std::time::Instant;

/// The level of golden files.
const GOLDEN_LEVEL: u8 = 3;

/// Runs the checks.
///
/// # Errors
/// A library that is refused or has no framework, a folder without golden files, an unreadable file.
pub fn run_suite(options: &Options) -> Result<Suite, SuiteError> {
    let filter = Filter::new(options)?;
    let library = Library {
        path: options.library.clone(),
        seed: filter.seed,
    };
    let frameworks = frameworks(options, &library)?;
    // The threads that libtorch computes with would be missing in forked children.
    tch::set_num_threads(1);
    let folder = options.golden.as_deref();
    let cases = folder.map(golden_cases).transpose()?.unwrap_or_default();
    let checks = filter.chosen();
    let mut subjects = Vec::new();
    let on_frameworks = |check: &&Definition| matches!(check.run, Run::Framework(_));
    if options.fuzz.is_some() || filter.is_fuzz() || checks.iter().any(on_frameworks) {
        let wanted = frameworks.iter().filter(|it| filter.framework(&it.id));
        subjects.extend(wanted.map(|metadata| subject(options, &library, metadata)));
    }
    if let Some(time) = options.fuzz {
        let (mut checks, cases) = fuzz(options, &subjects, time)?;
        if let (true, Some(subject)) = (checks.is_empty(), subjects.first()) {
            checks.push(nothing_found(subject, filter.seed, cases));
        }
        return Ok(Suite {
            report: Report::new(options.library.clone(), checks),
            frameworks,
        });
    }
    let mut jobs = Vec::new();
    if filter.is_fuzz() {
        jobs.extend(subjects.iter().map(Job::Fuzz));
    }
    for check in checks {
        match check.run {
            Run::Library(run) => {
                let wanted = filter
                    .framework("")
                    .then_some(Job::Library(check, run, &library));
                jobs.extend(wanted);
            }
            Run::Framework(run) => {
                jobs.extend(
                    subjects
                        .iter()
                        .map(|subject| Job::Framework(check, run, subject)),
                );
            }
        }
    }
    let wanted = cases.iter().filter(|case| filter.takes(&case.id()));
    jobs.extend(wanted.map(|case| Job::Golden(case, &library)));
    if let (true, Some(line)) = (jobs.is_empty(), &options.reproduce) {
        return Err(SuiteError::Unknown {
            library: library.path.clone(),
            found: format!("`{line}`"),
        });
    }
    let checks = run(options, &jobs, filter.seed)?;
    Ok(Suite {
        report: Report::new(options.library.clone(), checks),
        frameworks,
    })
}

/// A golden file of each framework, by its id, with what the plugin itself computes.
///
/// # Errors
/// A library that is refused or has no framework, a framework that fails.
pub fn record_golden(options: &Options) -> Result<Vec<(String, Vec<u8>)>, SuiteError> {
    let library = Library {
        path: options.library.clone(),
        seed: options.seed,
    };
    let mut files = Vec::new();
    for metadata in frameworks(options, &library)? {
        let subject = subject(options, &library, &metadata);
        let unrecorded = |found: String| SuiteError::Unrecorded {
            framework: metadata.id.clone(),
            found,
        };
        let bytes = options
            .apart(|| {
                tch::set_num_threads(1);
                record(&subject).map_err(|broken| broken.message)
            })
            .map_err(|error| unrecorded(error.to_string()))?;
        files.push((metadata.id.clone(), bytes.map_err(unrecorded)?));
    }
    Ok(files)
}

/// What was run, and on what.
pub struct Suite {
    /// What was found.
    pub report: Report,
    /// The frameworks of the library.
    pub frameworks: Vec<Metadata>,
}

/// The frameworks of the library, one at least.
fn frameworks(options: &Options, library: &Library) -> Result<Vec<Metadata>, SuiteError> {
    let list = || {
        let plugin = Plugin::open(&library.path).map_err(|refusal| refusal.to_string())?;
        let why = why_none(&plugin);
        Ok::<_, String>((plugin.frameworks().to_vec(), why))
    };
    let found = options.apart(list).map_err(|error| {
        SuiteError::Unopened(format!(
            "{}: expected a plugin that says what it contains, found: {error}",
            library.path.display()
        ))
    })?;
    match found.map_err(SuiteError::Unopened)? {
        (_, Some(reason)) => Err(SuiteError::Nothing {
            library: library.path.clone(),
            reason,
        }),
        (frameworks, None) => Ok(frameworks),
    }
}

/// A framework with a narrow configuration. What keeps it from being created is told by the checks
/// that create it.
fn subject(options: &Options, library: &Library, metadata: &Metadata) -> Subject {
    let narrow = || {
        tch::set_num_threads(1);
        Plugin::open(&library.path).map_or(Value::Null, |it| small(&it, library, metadata))
    };
    let config = options.apart(narrow).unwrap_or(Value::Null);
    Subject {
        library: library.clone(),
        metadata: metadata.clone(),
        config: if config.is_null() {
            Value::Object(Map::new())
        } else {
            config
        },
    }
}

/// One check to run.
enum Job<'a> {
    Library(&'a Definition, fn(&Library) -> Verdict, &'a Library),
    Framework(&'a Definition, fn(&Subject) -> Verdict, &'a Subject),
    Golden(&'a Case, &'a Library),
    Fuzz(&'a Subject),
}

fn run(options: &Options, jobs: &[Job<'_>], seed: u64) -> Result<Vec<Check>, SuiteError> {
    let mut checks: Vec<(usize, Check)> = Vec::new();
    if options.in_process {
        let done = jobs.iter().enumerate();
        checks.extend(done.map(|(place, job)| (place, job.check(job.run(), seed))));
    } else {
        fork_each(
            jobs.iter().enumerate(),
            options.jobs,
            |_| options.limits(),
            |(_, job)| job.run(),
            |(place, job), answer| {
                let outcome = answer.unwrap_or_else(|error| Outcome::crashed(error.to_string()));
                checks.push((place, job.check(outcome, seed)));
            },
        )?;
    }
    checks.sort_by_key(|(place, _)| *place);
    Ok(checks.into_iter().map(|(_, check)| check).collect())
}

impl Job<'_> {
    /// Runs the check, in this process.
    fn run(&self) -> Outcome {
        tch::set_num_threads(1);
        let started = Instant::now();
        let outcome = match self {
            Self::Golden(case, library) => check_golden(library, case),
            Self::Fuzz(subject) => case(subject, subject.seed()),
            Self::Library(_, run, library) => Outcome::of(run(library)),
            Self::Framework(_, run, subject) => Outcome::of(run(subject)),
        };
        Outcome {
            seconds: started.elapsed().as_secs_f64(),
            ..outcome
        }
    }

    /// The check as the report has it.
    fn check(&self, outcome: Outcome, seed: u64) -> Check {
        let (id, group, level, framework) = match self {
            Self::Golden(case, _) => (case.id(), "golden", GOLDEN_LEVEL, &case.framework[..]),
            Self::Fuzz(subject) => (FUZZ.to_owned(), FUZZ, 0, subject.id()),
            Self::Library(check, ..) => (check.id.to_owned(), check.group.name(), check.level, ""),
            Self::Framework(check, _, subject) => (
                check.id.to_owned(),
                check.group.name(),
                check.level,
                subject.id(),
            ),
        };
        Check {
            reproduce: format!("{id}:{framework}:{seed}"),
            group: group.to_owned(),
            level,
            framework: framework.to_owned(),
            id,
            status: outcome.status,
            message: outcome.message,
            max_rel_error: outcome.max_rel_error,
            seconds: outcome.seconds,
        }
    }
}
