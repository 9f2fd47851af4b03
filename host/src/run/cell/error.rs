//! Errors that end a cell, and whose fault they are.

use crate::backbone::BackboneError;
use crate::device::DeviceName;
use crate::evaluate::EvaluateError;
use crate::import::ImportError;
use crate::ledger::FailureKind;
use crate::pretrain::PretrainError;
use crate::terminal::{plain, with_causes};
use ssl_datasets::DataError;
use ssl_datasets::source::SetFault;
use ssl_plugin_api::foreign::Refusal;
use ssl_plugin_api::{Fault, FaultKind};
use std::path::PathBuf;

/// Why a cell ended without a result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CellError {
    #[error("failed to read the plugin {path}", path = path.display())]
    ReadPlugin {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the plugin failed in {call} ({}): {source}", source.kind.name())]
    Plugin { call: &'static str, source: Fault },
    #[error("failed to pretrain: {0}")]
    Pretrain(#[source] PretrainError),
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    #[error("expected the checkpoint {}, found no such file{}", file.display(), published(source_of.as_deref()))]
    NoCheckpoint {
        file: PathBuf,
        source_of: Option<String>,
    },
    /// Files of features that are not those of the plan.
    #[error("expected the features of the plan: {0}")]
    GivenFiles(String),
    #[error("`published`: expected one of the backbones that {framework} has published numbers of ({}), found `{wanted}`", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    NotPublished {
        framework: String,
        wanted: String,
        known: Vec<String>,
    },
    #[error("failed to import: {0}")]
    Import(#[from] ImportError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error("{}", lines(.0))]
    Sets(Vec<SetFault>),
    #[error("failed to evaluate: {0}")]
    Evaluate(#[source] EvaluateError),
    #[error("expected device {device}, found no such CUDA device here")]
    Device { device: DeviceName },
    #[error("libtorch failed: {0}")]
    Torch(#[from] tch::TchError),
    #[error(transparent)]
    Ranks(#[from] ssl_distributed::DistributedError),
    #[error("the cell was asked to stop")]
    Cancelled,
}

/// Where a checkpoint is published, as its entry says.
fn published(source: Option<&str>) -> String {
    source.map_or_else(String::new, |source| {
        format!("; it is published at {source}")
    })
}

/// The faults of all sets in one line.
fn lines(faults: &[SetFault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| fault.error.to_string()).collect();
    lines.join("; ")
}

/// Whose fault a pretraining's is. Data, disk and what the user has set are input; what a plugin asks for and
/// gives is the plugin's, also where the host finds it out late.
const fn of_pretraining(error: &PretrainError) -> FailureKind {
    match error {
        PretrainError::Data(DataError::BadViews { .. } | DataError::BadLoader { .. })
        | PretrainError::Backbone(BackboneError::Images { .. })
        | PretrainError::Optim(_)
        | PretrainError::Plugin { .. }
        | PretrainError::Contract { .. }
        | PretrainError::NotFinite { .. }
        | PretrainError::KnnMonitor { .. }
        | PretrainError::UnknownPass { .. } => FailureKind::Plugin,
        PretrainError::Torch { .. }
        | PretrainError::Ranks(_)
        | PretrainError::Backbone(BackboneError::Torch { .. } | BackboneError::Ranks(_)) => {
            FailureKind::Host
        }
        _ => FailureKind::Input,
    }
}

impl From<PretrainError> for CellError {
    fn from(error: PretrainError) -> Self {
        match error {
            PretrainError::Cancelled => Self::Cancelled,
            other => Self::Pretrain(other),
        }
    }
}

impl From<EvaluateError> for CellError {
    fn from(error: EvaluateError) -> Self {
        match error {
            EvaluateError::Cancelled => Self::Cancelled,
            other => Self::Evaluate(other),
        }
    }
}

impl CellError {
    /// Whose fault it is. A row without a plugin has none to blame: its weights or features are the input.
    pub(super) fn kind(&self, has_plugin: bool) -> FailureKind {
        match self.kind_with_plugin() {
            FailureKind::Plugin if !has_plugin => FailureKind::Input,
            kind => kind,
        }
    }

    fn kind_with_plugin(&self) -> FailureKind {
        match self {
            // A configuration is refused where it is read; whoever accepts it there accepts it.
            Self::Plugin { call, source }
            | Self::Pretrain(PretrainError::Plugin { call, source, .. })
                if source.kind == FaultKind::Config && matches!(*call, "describe" | "create") =>
            {
                FailureKind::Input
            }
            Self::Pretrain(error) => of_pretraining(error),
            Self::Plugin { .. } | Self::ReadPlugin { .. } | Self::Refused(_) => FailureKind::Plugin,
            // Features that cannot be evaluated are the fault of the pretraining.
            Self::Evaluate(EvaluateError::NotFinite { .. } | EvaluateError::AllDiverged { .. }) => {
                FailureKind::Plugin
            }
            // Out of memory, or a fault of this program.
            Self::Evaluate(EvaluateError::Tensor(_) | EvaluateError::Forward { .. })
            | Self::Backbone(BackboneError::Torch { .. })
            | Self::Torch(_)
            | Self::Ranks(_)
            | Self::Cancelled => FailureKind::Host,
            Self::Data(_)
            | Self::Sets(_)
            | Self::Device { .. }
            | Self::NoCheckpoint { .. }
            | Self::GivenFiles(_)
            | Self::NotPublished { .. }
            | Self::Import(_)
            | Self::Backbone(_)
            | Self::Evaluate(_) => FailureKind::Input,
        }
    }

    /// The error and its causes in one line; libtorch's traces are left to the log.
    pub(super) fn line(&self) -> String {
        let text = with_causes(self);
        let (line, trace) = text.split_once('\n').unwrap_or((&text, ""));
        if !trace.is_empty() {
            tracing::error!("{trace}");
        }
        plain(line)
    }
}
