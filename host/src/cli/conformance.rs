//! `ssl-lottery conformance`: certifies a plugin. Its hidden twin `check` runs one check in a
//! process of its own.

use super::exit::{Exit, Failure};
use crate::conformance::{Case, CaseError, Runner, SuiteError, check_case, run_suite};
use clap::{Args, ValueEnum};
use ssl_plugin_api::foreign::Plugin;
use std::path::PathBuf;
use std::time::Duration;

/// Certify a plugin: exit 0 only if nothing failed.
#[derive(Debug, Args)]
pub(super) struct Conformance {
    /// The plugin library.
    library: PathBuf,
    /// Folder of golden vectors.
    #[arg(long, value_name = "DIR")]
    golden: Option<PathBuf>,
    /// Only checks whose id matches this regular expression.
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Seconds after which a check is killed.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    limit: u64,
    /// Run the checks in this process, for debuggers.
    #[arg(long)]
    in_process: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
}

/// Run one check and write it down as JSON; started by `conformance`
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The plugin library.
    library: PathBuf,
    /// The golden file.
    file: PathBuf,
    /// The file to write.
    answer: PathBuf,
}

impl Conformance {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let library = std::path::absolute(&self.library).unwrap_or_else(|_| self.library.clone());
        let runner = match std::env::current_exe() {
            Ok(program) if !self.in_process => Runner::Child {
                program,
                limit: Duration::from_secs(self.limit),
            },
            _ => Runner::InProcess,
        };
        let report = run_suite(
            &library,
            self.golden.as_deref(),
            self.only.as_deref(),
            &runner,
        )?;
        if report.passed + report.failed == 0 {
            tracing::warn!(
                "no check was run, so nothing is certified: expected golden vectors of the plugin's frameworks \
                 (--golden DIR){}",
                if self.only.is_some() {
                    " whose ids match --only"
                } else {
                    ""
                }
            );
        }
        match self.format {
            Format::Text => print!("{}", report.to_text()),
            Format::Junit => print!("{}", report.to_junit()),
            Format::Json => println!("{}", serde_json::to_string_pretty(&report).map_err(broken)?),
        }
        Ok(if report.failed == 0 {
            Exit::Done
        } else {
            Exit::ChecksFailed
        })
    }
}

impl Check {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        tch::set_num_threads(1);
        let plugin = Plugin::open(&self.library).map_err(SuiteError::from)?;
        let case = Case::read(&self.file).map_err(SuiteError::from)?;
        let check = check_case(&plugin, &case);
        super::give_answer(&self.answer, &check)?;
        Ok(Exit::Done)
    }
}

fn broken(error: serde_json::Error) -> Failure {
    Failure::with_help(
        Exit::PluginFault,
        error,
        "this is a fault of ssl-lottery itself; please report it",
    )
}

impl From<SuiteError> for Failure {
    fn from(error: SuiteError) -> Self {
        let (exit, help) = match &error {
            SuiteError::Refused(_) | SuiteError::Unopened(_) => (
                Exit::PluginFault,
                "build the plugin with this version's ssl-plugin-kit",
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
        };
        Self::with_help(exit, error, help)
    }
}
