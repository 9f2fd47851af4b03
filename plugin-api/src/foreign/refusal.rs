//! Why a library was not loaded: one line that names the plugin, what was expected, what was found.

use crate::fault::Fault;
use std::path::PathBuf;

/// Why a file is not a plugin this host can use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The dynamic linker could not open it.
    #[error("{}: expected a loadable shared library, found: {reason}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// The linker's words.
        reason: String,
    },
    /// It lacks the tag.
    #[error("{}: expected an ssl-lottery plugin (symbol SSL_LOTTERY_ABI), found another library", path.display())]
    NotAPlugin {
        /// The file.
        path: PathBuf,
    },
    /// Built against another major version of the boundary.
    #[error("{}: expected ABI {expected}, found ABI {found}; rebuild the plugin against this host's ssl-plugin-api", path.display())]
    Major {
        /// The file.
        path: PathBuf,
        /// This host's number.
        expected: u32,
        /// The plugin's number.
        found: u32,
    },
    /// A type that crosses has another layout.
    #[error("{}: expected this host's type layouts, found another: {difference}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// The first difference.
        difference: String,
    },
    /// It needs something this host cannot do.
    #[error("{}: expected capabilities among [{known}], found `{missing}`", path.display())]
    Capability {
        /// The file.
        path: PathBuf,
        /// The first that is missing.
        missing: String,
        /// What this host has.
        known: String,
    },
    /// Its greeting failed or cannot be read.
    #[error("{}: expected a greeting, found: {fault}", path.display())]
    Greeting {
        /// The file.
        path: PathBuf,
        /// What came instead.
        #[source]
        fault: Fault,
    },
}

/// The first error of a layout report that runs over many pages, on one line.
pub(super) fn first_difference(report: &str) -> String {
    let mut lines = report
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let Some(error) = lines.find(|line| line.starts_with("Error:")) else {
        return report.lines().next().unwrap_or_default().to_owned();
    };
    let rest = lines.take_while(|line| !line.starts_with("Error:")).take(6);
    let line = std::iter::once(error)
        .chain(rest)
        .collect::<Vec<_>>()
        .join(" ");
    line.trim_start_matches("Error:")
        .chars()
        .take(300)
        .collect()
}
