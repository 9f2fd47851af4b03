//! What a framework asks of the host, found out in a process of its own.

use super::probe::LIMIT;
use super::registry::why_none;
use crate::process::{Limits, NoAnswer, answer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ssl_plugin_api::description::{Description, Metadata};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::Plugin;
use ssl_plugin_api::{Fault, FaultKind, NamedTensor, RunContext, SingleProcess};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A framework under a configuration.
#[derive(Debug, Serialize, Deserialize)]
pub struct Inspected {
    /// Its metadata.
    pub metadata: Metadata,
    /// Every key of its configuration, defaults filled in.
    pub config: Map<String, Value>,
    /// What it asks of the host.
    pub description: Description,
    /// What it holds, where it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Sizes>,
}

/// Bytes that a framework holds at the start of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Parameters of its heads.
    pub parameters: u64,
    /// Everything else that a checkpoint has of it.
    pub state: u64,
}

impl Sizes {
    /// Creates the framework and weighs it.
    fn of(plugin: &Plugin, id: &str, config: &Value, context: &RunContext) -> Result<Self, Fault> {
        let mut instance = plugin.create(id, config, context, Arc::new(SingleProcess))?;
        let bytes = |tensors: Vec<NamedTensor>| {
            let bytes = |it: &NamedTensor| (it.tensor.len() * it.tensor.dtype().size()) as u64;
            tensors.iter().map(bytes).sum()
        };
        Ok(Self {
            parameters: bytes(instance.parameters()?),
            state: bytes(instance.state()?),
        })
    }
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

/// Inspects a framework in this process; `id` may be left out if the library holds only one. With a context it is also
/// created, and what it holds is weighed.
///
/// # Errors
/// [`InspectError`].
pub fn inspect(
    library: &Path,
    id: Option<&str>,
    config: &Value,
    context: Option<&RunContext>,
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
    let found = plugin.describe(&id, config).and_then(|description| {
        let sizes = context.map(|context| Sizes::of(&plugin, &id, config, context));
        Ok(Inspected {
            metadata: metadata.clone(),
            config: resolved,
            description,
            sizes: sizes.transpose()?,
        })
    });
    match found {
        Ok(found) => Ok(found),
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
    context: Option<&RunContext>,
) -> Result<Inspected, InspectError> {
    let mut command = Command::new(program);
    command.arg("inspect").arg(library).arg(config.to_string());
    if let Some(id) = id {
        command.arg("--id").arg(id);
    }
    if let Some(context) = context {
        let context = serde_json::to_string(context).unwrap_or_default();
        command.arg("--context").arg(context);
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
