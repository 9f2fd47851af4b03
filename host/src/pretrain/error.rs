//! What can end a pretraining.

use crate::backbone::BackboneError;
use crate::optim::OptimError;
use crate::tensorfile::TensorFileError;
use ssl_datasets::DataError;
use ssl_distributed::DistributedError;
use ssl_plugin_api::Fault;
use std::io;
use std::path::PathBuf;
use tch::TchError;

/// A fault of a pretraining.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PretrainError {
    /// The plugin failed.
    #[error("the plugin failed in {call} ({}, step {step}): {source}", source.kind.name())]
    Plugin {
        /// Which call.
        call: &'static str,
        /// Optimiser step.
        step: u64,
        /// Why.
        source: Fault,
    },
    /// The plugin gave something that does not fit what it was given.
    #[error(
        "the plugin broke its contract in {call} (step {step}): expected {expected}, found {found}"
    )]
    Contract {
        /// Which call.
        call: &'static str,
        /// Optimiser step.
        step: u64,
        /// What fits.
        expected: String,
        /// What came.
        found: String,
    },
    /// Loss or gradients are NaN or infinite.
    #[error(
        "expected a finite {what}, found {found} at step {step} (epoch {epoch}); lower the learning rate or lengthen the warm-up"
    )]
    NotFinite {
        /// `loss`, or whose gradient.
        what: String,
        /// What was found.
        found: String,
        /// Optimiser step, from 0.
        step: u64,
        /// Epoch, from 0.
        epoch: u64,
    },
    /// The data set or a loader setting is at fault.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The backbone is at fault.
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    /// The optimiser is at fault.
    #[error(transparent)]
    Optim(#[from] OptimError),
    /// A tensor file is at fault.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// The directory cannot be used.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `read`, `write` or `create`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A checkpoint of another run, or a damaged one.
    #[error(
        "expected a checkpoint of this run in {}, found {found}; remove the folder {} to pretrain the cell again",
        path.display(),
        path.parent().unwrap_or(path).display()
    )]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// A checkpoint that another build of the plugin wrote.
    #[error(
        "expected the plugin that wrote the checkpoint {} (sha256 {expected}), found another build (sha256 {found}); \
         put the old file back, remove the folder {} to pretrain the cell again, or go on with `run --allow-other-build`",
        path.display(),
        path.parent().unwrap_or(path).display()
    )]
    OtherBuild {
        /// The checkpoint.
        path: PathBuf,
        /// SHA-256 of the plugin's file when the checkpoint was written.
        expected: String,
        /// SHA-256 of the file that is there.
        found: String,
    },
    /// A feature pass that the description does not list.
    #[error(
        "expected one of the described feature passes ({known}), found `{found}` (step {step})"
    )]
    UnknownPass {
        /// The passes described.
        known: String,
        /// What the framework asked for.
        found: String,
        /// Optimiser step.
        step: u64,
    },
    /// The online kNN evaluation failed.
    #[error("the online kNN evaluation failed after epoch {epoch}: {source}")]
    KnnMonitor {
        /// Epoch, from 0.
        epoch: u64,
        /// Why.
        #[source]
        source: Box<crate::evaluate::EvaluateError>,
    },
    /// libtorch refused an operation.
    #[error("libtorch failed in {operation}")]
    Torch {
        /// Which operation.
        operation: &'static str,
        /// Why.
        source: TchError,
    },
    /// A checkpoint of another number of ranks, in which a state is of each rank's own.
    #[error(
        "expected {written} {}, which wrote the checkpoint {} with the state `{name}` of each rank's own, found {found}; \
         go on with {written}, or remove the folder {} to pretrain the cell again",
        if *written == 1 { "rank" } else { "ranks" },
        path.display(),
        path.parent().unwrap_or(path).display()
    )]
    OtherRanks {
        /// The checkpoint.
        path: PathBuf,
        /// The state.
        name: String,
        /// Number of ranks that wrote it.
        written: usize,
        /// Number of ranks now.
        found: usize,
    },
    /// A batch that the ranks cannot share.
    #[error(
        "expected a batch size that divides by the {world_size} ranks, found {batch}; set `pretrain.recipe.batch_size` or another number of ranks"
    )]
    Indivisible {
        /// Images per step over all ranks.
        batch: usize,
        /// Number of ranks.
        world_size: usize,
    },
    /// A rank has ended, does not answer, or calls something else than the others.
    #[error(transparent)]
    Ranks(DistributedError),
    /// The run was asked to stop.
    #[error("the run was asked to stop")]
    Cancelled,
}

impl PretrainError {
    /// Makes an error out of a fault of a plugin call at a step.
    pub(super) fn plugin(call: &'static str, step: u64) -> impl FnOnce(Fault) -> Self {
        move |source| {
            if source.kind == ssl_plugin_api::FaultKind::Cancelled {
                Self::Cancelled
            } else {
                Self::Plugin { call, step, source }
            }
        }
    }

    /// Makes an error out of libtorch's refusal.
    pub(super) fn torch(operation: &'static str) -> impl FnOnce(TchError) -> Self {
        move |source| Self::Torch { operation, source }
    }
}
