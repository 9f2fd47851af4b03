//! What a framework asks of the host, found out in a process of its own.

use super::probe::LIMIT;
use super::registry::why_none;
use crate::process::{Limits, NoAnswer, answer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ssl_plugin_api::FaultKind;
use ssl_plugin_api::description::{Description, Metadata};
use ssl_plugin_api::foreign::Plugin;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A framework under a configuration.
#[derive(Debug, Serialize, Deserialize)]
pub struct Inspected {
    /// Its metadata.
    pub metadata: Metadata,
    /// Every key of its configuration, defaults filled in.
    pub config: Map<String, Value>,
    /// What it asks of the host.
    pub description: Description,
}

/// Why a framework could not be inspected.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum InspectError {
    /// The library cannot be used.
    #[error("{reason}")]
    Refused {
        /// One line that names the library.
        reason: String,
    },
    /// The library is sound and has nothing to offer here, for a reason of its own.
    #[error("{reason}")]
    Nothing {
        /// One line that names the library.
        reason: String,
    },
    /// The library has other frameworks, or several and none was named.
    #[error("{}: expected one of its frameworks ({}), found {found}", library.display(), known.join(", "))]
    Framework {
        /// The library.
        library: PathBuf,
        /// The frameworks inside.
        known: Vec<String>,
        /// What was asked for.
        found: String,
    },
    /// The configuration is at fault.
    #[error("configuration of {id}: {reason}")]
    Config {
        /// The framework.
        id: String,
        /// Every fault found.
        reason: String,
    },
    /// The plugin is at fault.
    #[error("{}: `describe` of {id} failed ({kind}): {message}", library.display())]
    Plugin {
        /// The library.
        library: PathBuf,
        /// The framework.
        id: String,
        /// The kind of fault.
        kind: String,
        /// The plugin's words.
        message: String,
    },
}

/// Inspects a framework in this process; `id` may be left out if the library holds only one.
///
/// # Errors
/// [`InspectError`].
pub fn inspect(
    library: &Path,
    id: Option<&str>,
    config: &Value,
) -> Result<Inspected, InspectError> {
    let plugin = Plugin::open(library).map_err(|refusal| InspectError::Refused {
        reason: refusal.to_string(),
    })?;
    let frameworks = plugin.frameworks();
    if let Some(reason) = why_none(&plugin) {
        return Err(InspectError::Nothing {
            reason: format!("{}: {reason}", library.display()),
        });
    }
    let found = match (id, frameworks) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(id), all) => all.iter().find(|metadata| metadata.id == id),
    };
    let metadata = found.ok_or_else(|| InspectError::Framework {
        library: library.to_owned(),
        known: frameworks.iter().map(|it| it.id.clone()).collect(),
        found: id.map_or_else(|| "no name".to_owned(), |id| format!("`{id}`")),
    })?;
    let id = metadata.id.clone();
    let resolved = metadata.schema.resolve(config).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        InspectError::Config {
            id: id.clone(),
            reason: faults.join("; "),
        }
    })?;
    match plugin.describe(&id, config) {
        Ok(description) => Ok(Inspected {
            metadata: metadata.clone(),
            config: resolved,
            description,
        }),
        Err(fault) if fault.kind == FaultKind::Config => Err(InspectError::Config {
            id,
            reason: fault.message,
        }),
        Err(fault) => Err(InspectError::Plugin {
            library: library.to_owned(),
            id,
            kind: fault.kind.name().to_owned(),
            message: fault.message,
        }),
    }
}

/// Inspects a framework with `program inspect` (this program) in a child, so that a plugin that ends
/// its process or hangs becomes an error.
///
/// # Errors
/// [`InspectError`].
pub fn inspect_apart(
    program: &Path,
    library: &Path,
    id: Option<&str>,
    config: &Value,
) -> Result<Inspected, InspectError> {
    let mut command = Command::new(program);
    command.arg("inspect").arg(library).arg(config.to_string());
    if let Some(id) = id {
        command.arg("--id").arg(id);
    }
    let limits = Limits {
        total: Some(LIMIT),
        ..Limits::default()
    };
    let refused = |error: NoAnswer| InspectError::Refused {
        reason: format!(
            "{}: expected a plugin that describes itself, found: {error}",
            library.display()
        ),
    };
    answer::<Result<Inspected, InspectError>>(command, limits).map_err(refused)?
}
