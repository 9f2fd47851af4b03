//! Why a library was not loaded: one line that names the plugin, what was expected, what was found.

use crate::fault::Fault;
use crate::version::LIBTORCH;
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
    /// It lacks the symbol.
    #[error("{}: expected an ssl-lottery plugin (symbol ssl_lottery_plugin_v1), found another library", path.display())]
    NotAPlugin {
        /// The file.
        path: PathBuf,
    },
    /// Built against another major version of the boundary.
    #[error("{}: expected ABI {expected}, found ABI {found}; rebuild the plugin for this host's ABI", path.display())]
    Major {
        /// The file.
        path: PathBuf,
        /// This host's number.
        expected: u32,
        /// The plugin's number.
        found: u32,
    },
    /// Its table cannot be used.
    #[error("{}: expected a plugin's table with hello, describe and create, found {found}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// It was built for another libtorch, of which there is one in a process.
    #[error("{}: expected a plugin built for libtorch {LIBTORCH}, found one built for {found}; rebuild it against this host's libtorch", path.display())]
    Libtorch {
        /// The file.
        path: PathBuf,
        /// The version it names.
        found: String,
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
