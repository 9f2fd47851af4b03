//! What goes in and out of an instance's calls.

use crate::description::{Encoder, Level};
use crate::tensor::FfiTensor;
use abi_stable::{
    StableAbi,
    std_types::{ROption, RString, RVec},
};

/// Where training is.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
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

impl Moment {
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

/// One pretext step's input.
#[derive(Debug)]
pub struct StepInput {
    /// Where training is.
    pub moment: Moment,
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

#[repr(C)]
#[derive(StableAbi)]
pub(crate) struct FfiNamedTensor {
    name: RString,
    tensor: FfiTensor,
}

impl From<NamedTensor> for FfiNamedTensor {
    fn from(named: NamedTensor) -> Self {
        Self {
            name: named.name.into(),
            tensor: named.tensor,
        }
    }
}

impl From<FfiNamedTensor> for NamedTensor {
    fn from(named: FfiNamedTensor) -> Self {
        Self {
            name: named.name.into(),
            tensor: named.tensor,
        }
    }
}

#[repr(C)]
#[derive(StableAbi)]
pub(crate) struct FfiFeature {
    encoder: u8,
    level: u8,
    view: u32,
    tensor: FfiTensor,
}

impl From<Feature> for FfiFeature {
    fn from(feature: Feature) -> Self {
        Self {
            encoder: feature.encoder as u8,
            level: feature.level as u8,
            view: feature.view as u32,
            tensor: feature.tensor,
        }
    }
}

impl From<FfiFeature> for Feature {
    fn from(feature: FfiFeature) -> Self {
        let levels = [Level::Layer1, Level::Layer2, Level::Layer3, Level::Layer4];
        Self {
            encoder: if feature.encoder == Encoder::Online as u8 {
                Encoder::Online
            } else {
                Encoder::Target
            },
            level: levels
                .into_iter()
                .find(|l| *l as u8 == feature.level)
                .unwrap_or(Level::Pooled),
            view: feature.view as usize,
            tensor: feature.tensor,
        }
    }
}

#[repr(C)]
#[derive(StableAbi)]
pub(crate) struct FfiStepInput {
    pub(crate) moment: Moment,
    pub(crate) indices: FfiTensor,
    pub(crate) features: RVec<FfiFeature>,
}

impl From<StepInput> for FfiStepInput {
    fn from(input: StepInput) -> Self {
        Self {
            moment: input.moment,
            indices: input.indices,
            features: convert(input.features),
        }
    }
}

impl From<FfiStepInput> for StepInput {
    fn from(input: FfiStepInput) -> Self {
        Self {
            moment: input.moment,
            indices: input.indices,
            features: convert(input.features),
        }
    }
}

#[repr(C)]
#[derive(StableAbi)]
pub(crate) struct FfiMetric {
    name: RString,
    value: f64,
}

#[repr(C)]
#[derive(StableAbi)]
pub(crate) struct FfiStepOutput {
    loss: f64,
    metrics: RVec<FfiMetric>,
    feature_grads: RVec<ROption<FfiTensor>>,
    param_grads: RVec<ROption<FfiTensor>>,
    parameters_moved: bool,
}

impl From<StepOutput> for FfiStepOutput {
    fn from(output: StepOutput) -> Self {
        Self {
            loss: output.loss,
            metrics: output
                .metrics
                .into_iter()
                .map(|m| FfiMetric {
                    name: m.name.into(),
                    value: m.value,
                })
                .collect(),
            feature_grads: convert(output.feature_grads),
            param_grads: convert(output.param_grads),
            parameters_moved: output.parameters_moved,
        }
    }
}

impl From<FfiStepOutput> for StepOutput {
    fn from(output: FfiStepOutput) -> Self {
        Self {
            loss: output.loss,
            metrics: output
                .metrics
                .into_iter()
                .map(|m| Metric {
                    name: m.name.into(),
                    value: m.value,
                })
                .collect(),
            feature_grads: convert(output.feature_grads),
            param_grads: convert(output.param_grads),
            parameters_moved: output.parameters_moved,
        }
    }
}

#[repr(C)]
#[derive(StableAbi)]
pub(crate) struct FfiEpochPlan {
    order: ROption<FfiTensor>,
    reset_optimizer: RVec<RString>,
    parameters_moved: bool,
}

impl From<EpochPlan> for FfiEpochPlan {
    fn from(plan: EpochPlan) -> Self {
        Self {
            order: plan.order.into(),
            reset_optimizer: convert(plan.reset_optimizer),
            parameters_moved: plan.parameters_moved,
        }
    }
}

impl From<FfiEpochPlan> for EpochPlan {
    fn from(plan: FfiEpochPlan) -> Self {
        Self {
            order: plan.order.into(),
            reset_optimizer: convert(plan.reset_optimizer),
            parameters_moved: plan.parameters_moved,
        }
    }
}

/// Converts a list item by item, whichever of the two list types it comes in or goes to.
pub(crate) fn convert<A, B: From<A>, C: FromIterator<B>>(items: impl IntoIterator<Item = A>) -> C {
    items.into_iter().map(B::from).collect()
}
