//! What goes in and out of an instance's calls.

use crate::description::{Encoder, FeatureKey, Level};
use crate::tensor::FfiTensor;

/// Where training is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainStep {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Epochs of the run.
    pub epochs: u64,
    /// Optimiser steps done since the start of the run; the number of this step, from 0.
    pub step: u64,
    /// Steps per epoch.
    pub steps_per_epoch: u64,
    /// Seed of the run.
    pub seed: u64,
}

impl TrainStep {
    /// Steps of the whole run.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.epochs.saturating_mul(self.steps_per_epoch)
    }

    /// Place of this step's batch in the epoch, from 0.
    #[must_use]
    pub const fn batch_in_epoch(&self) -> u64 {
        self.step
            .saturating_sub(self.epoch.saturating_mul(self.steps_per_epoch))
    }
}

/// A tensor and its name, in PyTorch's state-dict habit (`projector.0.weight`).
#[derive(Debug)]
pub struct NamedTensor {
    /// The name.
    pub name: String,
    /// The tensor.
    pub tensor: FfiTensor,
}

/// One level of one view from one encoder.
#[derive(Debug)]
pub struct Feature {
    /// Which encoder it comes from.
    pub encoder: Encoder,
    /// Which view it is of.
    pub view: usize,
    /// Which level it is.
    pub level: Level,
    /// `[batch, dim]` when pooled, else `[batch, channels, height, width]`.
    pub tensor: FfiTensor,
}

impl Feature {
    /// Which feature it is.
    #[must_use]
    pub fn key(&self) -> FeatureKey {
        FeatureKey {
            encoder: self.encoder,
            view: self.view,
            level: self.level,
        }
    }
}

/// One pretext step's input.
#[derive(Debug)]
pub struct StepInput {
    /// Where training is.
    pub at: TrainStep,
    /// Position of every sample in the training set, `[batch]`, i64, in main memory.
    pub indices: FfiTensor,
    /// In the order of the description's requests: request by request, view by view, level by level.
    pub features: Vec<Feature>,
}

/// A number to log beside the loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
}

/// What a pretext step gives back.
#[derive(Debug, Default)]
pub struct StepOutput {
    /// The loss of this rank's batch.
    pub loss: f64,
    /// Other numbers to log.
    pub metrics: Vec<Metric>,
    /// For each feature of the input, the gradient of the loss with respect to it; `None` where it
    /// is zero by construction (everything from the target encoder).
    pub feature_grads: Vec<Option<FfiTensor>>,
    /// For each parameter, in the order of `parameters`, its gradient; `None` for no gradient.
    pub param_grads: Vec<Option<FfiTensor>>,
    /// Whether parameters moved in memory or changed in number: the host asks for them anew.
    pub parameters_moved: bool,
}

/// What a framework wants of an epoch.
#[derive(Debug, Default)]
pub struct EpochPlan {
    /// Order of the samples, i64, in main memory; may repeat and omit. `None`: the host shuffles.
    pub order: Option<FfiTensor>,
    /// Parameters whose optimiser state starts afresh.
    pub reset_optimizer: Vec<String>,
    /// Whether parameters moved in memory or changed in number.
    pub parameters_moved: bool,
}
