//! Which checks run, and how.

use super::definition::{Definition, HIGHEST, definitions};
use super::error::SuiteError;
use super::fuzz::FUZZ;
use crate::process::{Limits, NoAnswer, fork_one};
use regex::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;

/// Memory that a check may ask for beyond what libtorch has.
const MEMORY: u64 = 8 << 30;

/// Which checks run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The library.
    pub library: PathBuf,
    /// A folder of golden files.
    pub golden: Option<PathBuf>,
    /// Checks up to this level.
    pub level: u8,
    /// Checks whose id matches this regular expression.
    pub only: Option<String>,
    /// But not those whose id matches this one.
    pub skip: Option<String>,
    /// From which everything random is drawn.
    pub seed: u64,
    /// Checks at a time.
    pub jobs: usize,
    /// Time after which a check is ended.
    pub limit: Duration,
    /// All in this process, for debuggers.
    pub in_process: bool,
    /// How long to try random cases instead of the checks.
    pub fuzz: Option<Duration>,
    /// One check as a report names it: `CHECK:FRAMEWORK:SEED`.
    pub reproduce: Option<String>,
}

impl Options {
    /// All checks of a library, with seed 1, one at a time.
    #[must_use]
    pub fn new(library: PathBuf) -> Self {
        Self {
            library,
            golden: None,
            level: HIGHEST,
            only: None,
            skip: None,
            seed: 1,
            jobs: 1,
            limit: Duration::from_secs(120),
            in_process: false,
            fuzz: None,
            reproduce: None,
        }
    }

    /// What a child may take.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            total: Some(self.limit),
            memory: Some(MEMORY),
            ..Limits::default()
        }
    }

    /// Does something in a process of its own, or here where that is asked for.
    pub(super) fn apart<T: Serialize + DeserializeOwned>(
        &self,
        work: impl Fn() -> T,
    ) -> Result<T, NoAnswer> {
        if self.in_process {
            Ok(work())
        } else {
            fork_one(self.limits(), work)
        }
    }
}

/// The checks that are wanted, golden files apart.
///
/// # Errors
/// A pattern or a line to reproduce that cannot be read.
pub fn chosen(options: &Options) -> Result<Vec<&'static Definition>, SuiteError> {
    Ok(Filter::new(options)?.chosen())
}

/// Which checks and frameworks are wanted.
pub(super) struct Filter {
    only: Option<Regex>,
    skip: Option<Regex>,
    /// One check of one framework.
    exactly: Option<(String, String)>,
    pub(super) seed: u64,
    pub(super) level: u8,
}

impl Filter {
    pub(super) fn new(options: &Options) -> Result<Self, SuiteError> {
        let pattern = |text: &Option<String>| text.as_deref().map(Regex::new).transpose();
        let mut filter = Self {
            only: pattern(&options.only)?,
            skip: pattern(&options.skip)?,
            exactly: None,
            seed: options.seed,
            level: options.level,
        };
        if let Some(line) = &options.reproduce {
            let parts: Vec<&str> = line.rsplitn(3, ':').collect();
            let refuse = || SuiteError::Reproduce {
                found: line.clone(),
            };
            let [seed, framework, check] = parts[..] else {
                return Err(refuse());
            };
            filter.seed = seed.parse().map_err(|_| refuse())?;
            filter.level = HIGHEST;
            filter.exactly = Some((check.to_owned(), framework.to_owned()));
        }
        Ok(filter)
    }

    /// The checks that it takes.
    pub(super) fn chosen(&self) -> Vec<&'static Definition> {
        let mut all = definitions();
        all.retain(|check| check.level <= self.level && self.takes(check.id));
        all
    }

    pub(super) fn takes(&self, id: &str) -> bool {
        let matches = |pattern: &Option<Regex>| pattern.as_ref().map(|it| it.is_match(id));
        matches(&self.only).unwrap_or(true)
            && !matches(&self.skip).unwrap_or(false)
            && self.exactly.as_ref().is_none_or(|(check, _)| check == id)
    }

    /// Whether one random case is to be tried again.
    pub(super) fn is_fuzz(&self) -> bool {
        self.exactly
            .as_ref()
            .is_some_and(|(check, _)| check == FUZZ)
    }

    pub(super) fn framework(&self, id: &str) -> bool {
        let exactly = self.exactly.as_ref();
        exactly.is_none_or(|(_, framework)| framework == id)
    }
}
