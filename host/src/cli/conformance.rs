//! `ssl-lottery conformance`: certifies a plugin.

use super::exit::{Exit, Failure};
use crate::conformance::{
    Certificate, Definition, HIGHEST, Options, Report, Suite, SuiteError, Waivers, badge, chosen,
    record_golden, run_suite,
};
use crate::terminal::{out, outln};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Certify a plugin: exit 0 only if checks were run and none failed.
#[derive(Debug, Args)]
pub(super) struct Conformance {
    /// The plugin library; a name alone is looked for beside this program too.
    #[arg(required_unless_present = "list", value_parser = super::library)]
    library: Option<PathBuf>,
    /// Folder of golden vectors, which are then checked too.
    #[arg(long, value_name = "DIR")]
    golden: Option<PathBuf>,
    /// Write golden vectors of what the plugin computes now into this folder, and check nothing.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["golden", "only", "skip", "level", "reproduce", "fuzz", "certificate", "badge"])]
    record: Option<PathBuf>,
    /// Only checks up to this level: 1 to 4.
    #[arg(long, default_value_t = HIGHEST, value_parser = clap::value_parser!(u8).range(1..=i64::from(HIGHEST)))]
    level: u8,
    /// Only checks whose id matches this regular expression.
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// No checks whose id matches this regular expression.
    #[arg(long, value_name = "PATTERN")]
    skip: Option<String>,
    /// Checks that run at once; by default as many as there are cores.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// The seed from which features, configurations and orders are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run one check again, as a report names it.
    #[arg(long, value_name = "CHECK:FRAMEWORK:SEED", conflicts_with_all = ["only", "skip", "level", "seed"])]
    reproduce: Option<String>,
    /// Try random configurations, features and states for so many seconds instead of the checks.
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["only", "skip", "level", "golden", "reproduce"])]
    fuzz: Option<u64>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Seconds after which a check is killed.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    limit: u64,
    /// Run the checks in this process, for debuggers.
    #[arg(long)]
    in_process: bool,
    /// Failures that are known, with reasons.
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
    /// Write a certificate, as JSON.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Write a badge, as SVG.
    #[arg(long, value_name = "FILE")]
    badge: Option<PathBuf>,
    /// List the checks, with their levels and what each says, and run none.
    #[arg(long)]
    list: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
}

impl Conformance {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let Some(library) = self.library.as_ref().filter(|_| !self.list) else {
            out!("{}", self.listed()?);
            return Ok(Exit::Done);
        };
        let waivers = self.waivers.as_deref().map(Waivers::read).transpose()?;
        let options = self.options(library);
        if let Some(folder) = &self.record {
            return write_records(&options, folder);
        }
        let Suite { report, frameworks } = run_suite(&options)?;
        let report = match waivers {
            Some(waivers) => waivers.apply(report)?,
            None => report,
        };
        self.show(&report)?;
        if report.run() == 0 {
            tracing::warn!(
                "no check was run, so nothing is certified: expected checks up to level {} that --only takes and \
                 --skip leaves, or golden vectors of the plugin's frameworks (--golden DIR)",
                self.level
            );
            return Ok(Exit::ChecksFailed);
        }
        if self.certificate.is_some() || self.badge.is_some() {
            let certificate = Certificate::new(&report, &frameworks, self.level, self.seed)
                .map_err(|error| unwritten(library, error))?;
            self.publish(&certificate)?;
        }
        Ok(if report.failed == 0 {
            Exit::Done
        } else {
            Exit::ChecksFailed
        })
    }

    fn options(&self, library: &Path) -> Options {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Options {
            golden: self.golden.clone(),
            level: self.level,
            only: self.only.clone(),
            skip: self.skip.clone(),
            seed: self.seed,
            jobs: self.jobs.unwrap_or(cores),
            limit: Duration::from_secs(self.limit),
            in_process: self.in_process,
            fuzz: self.fuzz.map(Duration::from_secs),
            reproduce: self.reproduce.clone(),
            ..Options::new(std::path::absolute(library).unwrap_or_else(|_| library.to_owned()))
        }
    }

    fn show(&self, report: &Report) -> Result<(), Failure> {
        match self.format {
            Format::Text => out!("{}", report.to_text()),
            Format::Junit => out!("{}", report.to_junit()),
            Format::Json => outln!("{}", serde_json::to_string_pretty(report).map_err(broken)?),
        }
        Ok(())
    }

    /// Writes certificate and badge.
    fn publish(&self, certificate: &Certificate) -> Result<(), Failure> {
        if !certificate.certified && !certificate.missing.is_empty() {
            tracing::warn!(
                "the certificate says that the plugin is not certified: expected these checks to hold: {}",
                certificate.missing.join(", ")
            );
        }
        let write = |path: &Option<PathBuf>, text: String| match path {
            Some(path) => {
                crate::atomic::write(path, text.as_bytes()).map_err(|error| unwritten(path, error))
            }
            None => Ok(()),
        };
        let json = serde_json::to_string_pretty(certificate).map_err(broken)?;
        write(&self.certificate, json + "\n")?;
        let level = certificate.certified.then_some(certificate.level);
        write(&self.badge, badge(level))
    }

    /// The list of checks, as text or as JSON.
    fn listed(&self) -> Result<String, SuiteError> {
        let all = chosen(&self.options(Path::new("")))?.into_iter();
        if self.format == Format::Json {
            let list: Vec<_> = all
                .map(|check| {
                    json!({
                        "id": check.id, "group": check.group.name(), "level": check.level,
                        "says": check.says, "why": check.why, "mend": check.mend,
                    })
                })
                .collect();
            return Ok(format!("{:#}\n", json!(list)));
        }
        let line = |check: &Definition| {
            let group = check.group.name();
            format!(
                "{} {group:<13} {:<36} {}\n",
                check.level, check.id, check.says
            )
        };
        Ok(all.map(line).collect())
    }
}

/// Records a step of each framework.
fn write_records(options: &Options, folder: &Path) -> Result<Exit, Failure> {
    // Before anything is computed.
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::message(
            Exit::BadInput,
            format!(
                "{}: expected a folder for golden vectors that is there or can be made, found: {error} (--record)",
                folder.display()
            ),
            "name another folder, or make this one writable: --record DIR",
        )
    })?;
    let files = record_golden(options)?;
    for (id, bytes) in files {
        let path = folder.join(format!("{id}-recorded.safetensors"));
        crate::atomic::write(&path, &bytes).map_err(|error| unwritten(&path, error))?;
        outln!("{}", path.display());
    }
    Ok(Exit::Done)
}

fn unwritten(path: &Path, error: impl std::error::Error) -> Failure {
    Failure::message(
        Exit::BadInput,
        format!("{}: {error}", path.display()),
        "check that the file may be read or written and the disk has room",
    )
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::with_help(
        Exit::PluginFault,
        error,
        "this is a fault of ssl-lottery itself; please report it",
    )
}

impl From<SuiteError> for Failure {
    fn from(error: SuiteError) -> Self {
        use crate::conformance::CaseError;
        let (exit, help) = match &error {
            SuiteError::Unopened(_) => (
                Exit::PluginFault,
                "build the plugin with this version's ssl-plugin-kit",
            ),
            SuiteError::Nothing { .. } => (
                Exit::ChecksFailed,
                "nothing is certified: mend what the reason names, then certify the library again",
            ),
            SuiteError::Unknown { .. } => (
                Exit::BadInput,
                "copy the line that follows a failure in the report; that of a golden file needs its --golden",
            ),
            SuiteError::NoGolden { .. } => (
                Exit::BadInput,
                "name a folder of golden vectors: --golden DIR",
            ),
            SuiteError::Case(CaseError::Io { .. }) => {
                (Exit::BadInput, "check the file's permissions")
            }
            SuiteError::Case(_) => (Exit::BadInput, "golden files are format 1 safetensors"),
            SuiteError::Pattern(_) => (
                Exit::BadInput,
                "quote the pattern, for instance --only '^golden/'",
            ),
            SuiteError::Reproduce { .. } => (
                Exit::BadInput,
                "copy the line that follows a failure in the report",
            ),
            SuiteError::Waivers { .. } => (
                Exit::BadInput,
                "waivers are [[waiver]] tables with check, reason and perhaps framework",
            ),
            SuiteError::Unrecorded { .. } => (
                Exit::PluginFault,
                "run the checks: they say more of what is wrong",
            ),
            SuiteError::System(_) => (
                Exit::BadInput,
                "use --in-process, or free processes and memory",
            ),
        };
        Self::with_help(exit, error, help)
    }
}
