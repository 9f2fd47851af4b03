//! Backbone, target, heads and optimiser, and what one step does to them.

use super::encode::{EncodedFeature, backward, encode, view_tensors};
use super::error::PretrainError;
use super::heads::{Heads, gradients, index_tensor};
use super::job::PretrainJob;
use super::peers::Peers;
use super::shuffle::Shuffle;
use super::watch::{Learning, Untouched, expect_in_place, is_watched};
use crate::backbone::{Backbone, BackboneConfig};
use crate::device::DeviceName;
use crate::optim::{Length, Optimizer, StepReport, Update};
use ssl_datasets::loader::Batch;
use ssl_plugin_api::description::{Description, Encoder, Level, Recipe};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{EpochPlan, Fault, Feature, RunContext, StepInput, TrainStep};
use ssl_plugin_tensor::export_read_only;
use tch::{Device, Tensor};

/// Everything a run changes.
pub(super) struct Trainer<'a> {
    pub(super) description: &'a Description,
    pub(super) device: Device,
    pub(super) length: Length,
    pub(super) backbone: Backbone,
    pub(super) target: Option<Backbone>,
    pub(super) instance: Box<dyn Instance>,
    pub(super) heads: Heads,
    pub(super) optimizer: Optimizer,
    pub(super) learning: Learning,
    pub(super) peers: Peers,
}

/// The outcome of a step.
pub(super) struct StepOutcome {
    pub(super) loss: f64,
    pub(super) metrics: Vec<(String, f64)>,
    pub(super) report: StepReport,
    pub(super) momentum: Option<f64>,
    /// The first pooled features of the trained encoder, if there are any.
    pub(super) features: Option<Tensor>,
}

impl<'a> Trainer<'a> {
    /// Starts backbone, framework and optimiser.
    pub(super) fn new(
        job: &PretrainJob<'a>,
        steps_per_epoch: u64,
        peers: &Peers,
        create: impl FnOnce(&RunContext) -> Result<Box<dyn Instance>, Fault>,
    ) -> Result<Self, PretrainError> {
        let recipe: &Recipe = job.recipe;
        let config = BackboneConfig {
            zero_init_residual: job.backbone.zero_init_residual || recipe.zero_init_residual,
            ..job.backbone.clone()
        };
        let backbone = Backbone::new(&config, job.seed, job.device)?.with_precision(job.precision);
        let target = if job.description.needs_target() {
            Some(backbone.frozen_copy()?)
        } else {
            None
        };
        let length = Length {
            batch_size: recipe.batch_size,
            epochs: recipe.epochs,
            steps_per_epoch,
        };
        let context = context(job, &config, length, peers)?;
        seed_generator(job.seed, u64::MAX);
        let mut instance = create(&context).map_err(PretrainError::plugin("create", 0))?;
        let heads = Heads::of(instance.as_mut(), 0)?;
        peers.same_parameters(&backbone, &heads)?;
        let optimizer = Optimizer::new(recipe, length, heads.specs(&backbone))?;
        Ok(Self {
            description: job.description,
            device: job.device,
            length,
            backbone,
            target,
            instance,
            heads,
            optimizer,
            learning: Learning::default(),
            peers: peers.clone(),
        })
    }

    /// Lets the framework start an epoch; gives back the order of samples it wants, if any.
    pub(super) fn begin_epoch(
        &mut self,
        at: &TrainStep,
    ) -> Result<Option<Vec<u64>>, PretrainError> {
        seed_generator(at.seed, at.step ^ (1 << 63));
        let EpochPlan {
            order,
            reset_optimizer,
            parameters_moved,
        } = self
            .instance
            .begin_epoch(at)
            .map_err(PretrainError::plugin("begin_epoch", at.step))?;
        if parameters_moved {
            self.refresh(at.step)?;
        }
        self.optimizer.reset_heads(&reset_optimizer);
        let Some(order) = order else { return Ok(None) };
        let indices = order
            .as_slice::<i64>()
            .map_err(|fault| PretrainError::plugin("begin_epoch", at.step)(fault.into()))?;
        // A negative index becomes one beyond the end, which the loader refuses by number.
        Ok(Some(indices.iter().map(|&i| i as u64).collect()))
    }

    /// One optimiser step.
    pub(super) fn step(
        &mut self,
        at: &TrainStep,
        batch: &Batch,
    ) -> Result<StepOutcome, PretrainError> {
        let step = at.step;
        let views = view_tensors(batch, self.device).map_err(PretrainError::torch("the views"))?;
        let requests = &self.description.encoders;
        let shuffle = Shuffle::new(&self.peers, at);
        let encoded = encode(
            requests,
            &views,
            &self.backbone,
            self.target.as_ref(),
            &shuffle,
        )?;
        let untouched = is_watched(at).then(|| Untouched::of(&encoded));
        seed_generator(at.seed, step);
        let output = self
            .instance
            .step(StepInput {
                at: *at,
                indices: index_tensor(&batch.indices),
                features: offer_features(&encoded, step)?,
            })
            .map_err(PretrainError::plugin("step", step))?;
        if !output.loss.is_finite() {
            return Err(not_finite("loss", output.loss, at));
        }
        if let Some(untouched) = untouched {
            untouched.check(&encoded, step)?;
        }
        if output.parameters_moved {
            self.refresh(step)?;
        } else if is_watched(at) {
            expect_in_place(&self.heads, self.instance.as_mut(), "step", step)?;
        }
        let feature_grads = gradients(output.feature_grads, self.device, step)?;
        let head_grads = gradients(output.param_grads, self.device, step)?;
        expect(
            step,
            "feature gradients",
            encoded.len(),
            feature_grads.len(),
        )?;
        expect(
            step,
            "parameter gradients",
            self.heads.len(),
            head_grads.len(),
        )?;
        let mut pairs = Vec::new();
        for (feature, grad) in encoded.iter().zip(&feature_grads) {
            if let Some(grad) = grad
                && feature.key.encoder == Encoder::Online
            {
                check_gradient(&feature.key.to_string(), &feature.tensor, grad, at)?;
                pairs.push((&feature.tensor, grad));
            }
        }
        for ((name, parameter), grad) in self.heads.iter().zip(&head_grads) {
            if let Some(grad) = grad {
                check_gradient(&format!("parameter {name}"), parameter, grad, at)?;
            }
        }
        self.learning
            .look(&pairs)
            .map_err(PretrainError::torch("looking at a gradient"))?;
        let backbone_grads = backward(&self.backbone, &pairs)
            .map_err(PretrainError::torch("the backbone's backward pass"))?;
        let of_backbone = self.backbone.parameters().iter().map(|n| &n.tensor);
        let of_heads = self.heads.iter().map(|(_, tensor)| tensor);
        let mut grads: Vec<Option<Tensor>> = backbone_grads.into_iter().chain(head_grads).collect();
        // The loss first, then the framework's metrics.
        let mut numbers = vec![output.loss];
        numbers.extend(output.metrics.iter().map(|metric| metric.value));
        self.peers.average(&mut grads, &mut numbers)?;
        let updates: Vec<Update<'_>> = of_backbone
            .chain(of_heads)
            .zip(&grads)
            .map(|(parameter, grad)| Update {
                parameter,
                grad: grad.as_ref(),
            })
            .collect();
        let report = self.optimizer.step(step, &updates)?;
        drop(updates);
        let momentum = self.average(step)?;
        self.instance
            .after_update(at, momentum)
            .map_err(PretrainError::plugin("after_update", step))?;
        if is_watched(at) {
            expect_in_place(&self.heads, self.instance.as_mut(), "after_update", step)?;
        }
        Ok(StepOutcome {
            loss: numbers[0],
            metrics: output
                .metrics
                .into_iter()
                .map(|metric| metric.name)
                .zip(numbers.into_iter().skip(1))
                .collect(),
            report,
            momentum,
            features: pooled(&encoded),
        })
    }

    /// Looks back on an epoch whose last step was `last`.
    pub(super) fn end_epoch(&mut self, last: &TrainStep) -> Result<(), PretrainError> {
        self.learning.expect(last.step)?;
        expect_in_place(
            &self.heads,
            self.instance.as_mut(),
            "after_update",
            last.step,
        )
    }

    /// Moves the target backbone after optimiser step `step`; gives back the momentum used.
    fn average(&mut self, step: u64) -> Result<Option<f64>, PretrainError> {
        let Some(schedule) = self.description.momentum else {
            return Ok(None);
        };
        let momentum = schedule.after_step(step, self.length.steps());
        if let Some(target) = &mut self.target {
            target.follow(&self.backbone, momentum)?;
        }
        Ok(Some(momentum))
    }

    /// Asks for the heads' parameters anew.
    pub(super) fn refresh(&mut self, step: u64) -> Result<(), PretrainError> {
        self.heads = Heads::of(self.instance.as_mut(), step)?;
        self.optimizer.adopt(self.heads.specs(&self.backbone));
        Ok(())
    }
}

/// Seeds libtorch's generator for a step. Nothing of the host uses it; a framework that does gets the same
/// numbers after a resume, for which no checkpoint has to hold the generator.
pub(super) fn seed_generator(run: u64, step: u64) {
    tch::manual_seed((run ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15)) as i64);
}

/// The circumstances of the run, for the framework.
fn context(
    job: &PretrainJob<'_>,
    config: &BackboneConfig,
    length: Length,
    peers: &Peers,
) -> Result<RunContext, PretrainError> {
    Ok(RunContext {
        features: config.feature_dims(),
        samples: job.source.len(),
        batch_size: peers.part_of_batch(length.batch_size)?,
        steps_per_epoch: length.steps_per_epoch,
        epochs: length.epochs,
        world_size: peers.world_size(),
        rank: peers.rank(),
        device: DeviceName::of(job.device).to_string(),
        seed: job.seed,
    })
}

fn offer_features(encoded: &[EncodedFeature], step: u64) -> Result<Vec<Feature>, PretrainError> {
    encoded
        .iter()
        .map(|feature| {
            Ok(Feature {
                encoder: feature.key.encoder,
                view: feature.key.view,
                level: feature.key.level,
                tensor: export_read_only(&feature.tensor)
                    .map_err(PretrainError::plugin("step", step))?,
            })
        })
        .collect()
}

fn pooled(encoded: &[EncodedFeature]) -> Option<Tensor> {
    encoded
        .iter()
        .find(|p| p.key.encoder == Encoder::Online && p.key.level == Level::Pooled)
        .map(|p| p.tensor.detach())
}

fn expect(step: u64, what: &str, expected: usize, found: usize) -> Result<(), PretrainError> {
    if expected == found {
        return Ok(());
    }
    Err(PretrainError::Contract {
        call: "step",
        step,
        expected: format!("{expected} {what}"),
        found: found.to_string(),
    })
}

/// Refuses a gradient of another shape than what it belongs to, and one that is no number.
fn check_gradient(
    name: &str,
    of: &Tensor,
    grad: &Tensor,
    at: &TrainStep,
) -> Result<(), PretrainError> {
    if grad.size() != of.size() {
        return Err(PretrainError::Contract {
            call: "step",
            step: at.step,
            expected: format!("a gradient of {name} of shape {:?}", of.size()),
            found: format!("{:?}", grad.size()),
        });
    }
    // The sum is finite unless an element is not (or the sum itself leaves the range).
    let sum = grad
        .f_sum(tch::Kind::Float)
        .and_then(|sum| sum.f_double_value(&[]))
        .map_err(PretrainError::torch("checking a gradient"))?;
    if sum.is_finite() {
        Ok(())
    } else {
        Err(not_finite(&format!("gradient of {name}"), sum, at))
    }
}

fn not_finite(what: &str, found: f64, at: &TrainStep) -> PretrainError {
    PretrainError::NotFinite {
        what: what.to_owned(),
        found: found.to_string(),
        step: at.step,
        epoch: at.epoch,
    }
}
