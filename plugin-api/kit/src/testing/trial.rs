//! A framework at work, without library and host.

use crate::framework::Exported;
use crate::ranks::Ranks;
use serde_json::Value;
use ssl_plugin_api::description::{Encoder, Level};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{
    EpochPlan, Fault, Feature, FeatureDim, FfiTensor, NamedTensor, RunContext, SharedServices,
    StepInput, TrainStep,
};
use ssl_plugin_tensor::{export, export_read_only, import};
use std::collections::BTreeMap;
use tch::Tensor;

/// A framework and where its training is.
pub struct Trial {
    instance: Box<dyn Instance>,
    /// Handed to every step; the step counts up.
    pub at: TrainStep,
}

/// What a step gave back.
#[derive(Debug)]
pub struct Outcome {
    /// The loss.
    pub loss: f64,
    /// Gradients of features, by name (`online.0`); absent where there is none.
    pub features: BTreeMap<String, Tensor>,
    /// Gradients of parameters, by name; absent where there is none.
    pub parameters: BTreeMap<String, Tensor>,
}

/// A context of one rank on the CPU: pooled features of width `dim`, 64 samples, 10 epochs.
#[must_use]
pub fn context(dim: usize, batch_size: usize) -> RunContext {
    let samples = 64;
    RunContext {
        features: vec![FeatureDim {
            level: Level::Pooled,
            dim,
        }],
        samples,
        batch_size,
        steps_per_epoch: (samples / batch_size).max(1) as u64,
        epochs: 10,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed: 7,
    }
}

/// Deterministic numbers, other ones for every `seed`: every column has a mean and a spread of its
/// own, so that statistics taken over the wrong rows show.
pub fn sample(rows: i64, columns: i64, seed: i64) -> Tensor {
    let at = |size: i64| Tensor::arange(size, (tch::Kind::Double, tch::Device::Cpu));
    let (row, column) = (at(rows).unsqueeze(1), at(columns).unsqueeze(0));
    let seed = seed as f64;
    let wave = (&row * 1.7 + &column * 2.3 + (&row * &column) * 0.37 + seed * 5.1).sin();
    let spread: Tensor = &column * 0.2 + 0.5 + 0.3 * seed;
    let offset = (&column * 0.9 + seed).cos() * 2.0;
    (wave * spread + offset).to_kind(tch::Kind::Float)
}

/// `‖found − expected‖ / ‖expected‖`.
#[must_use]
pub fn relative(found: &Tensor, expected: &Tensor) -> f64 {
    let norm = |tensor: &Tensor| tensor.to_kind(tch::Kind::Double).norm().double_value(&[]);
    norm(&(found - expected)) / norm(expected)
}

impl Trial {
    /// Starts a framework under a configuration; place among the ranks comes from `ranks`.
    ///
    /// # Errors
    /// The framework's refusal.
    pub fn start<E: Exported>(
        config: &Value,
        context: RunContext,
        ranks: &Ranks,
    ) -> Result<Self, Fault> {
        let context = RunContext {
            world_size: ranks.world_size(),
            rank: ranks.rank(),
            ..context
        };
        let at = TrainStep {
            epoch: 0,
            epochs: context.epochs,
            step: 0,
            steps_per_epoch: context.steps_per_epoch,
            seed: context.seed,
        };
        let services = SharedServices::new(ranks.shared_services());
        let instance = E::create(config, context, services)?;
        Ok(Self { instance, at })
    }

    /// One step on features named `online.0`, `target.1.layer4`, …, of samples 0, 1, ….
    ///
    /// # Errors
    /// The framework's fault.
    ///
    /// # Panics
    /// When a name is no feature's: a mistake of the test's.
    pub fn step(&mut self, features: &[(&str, &Tensor)]) -> Result<Outcome, Fault> {
        let batch = features.first().map_or(0, |(_, tensor)| tensor.size()[0]);
        self.step_of(&(0..batch).collect::<Vec<_>>(), features)
    }

    /// One step on the samples at these positions of the training set.
    ///
    /// # Errors
    /// The framework's fault.
    ///
    /// # Panics
    /// As [`Trial::step`].
    pub fn step_of(
        &mut self,
        samples: &[i64],
        features: &[(&str, &Tensor)],
    ) -> Result<Outcome, Fault> {
        let input = StepInput {
            at: self.at,
            indices: export_read_only(&Tensor::from_slice(samples))?,
            features: list(features)?,
        };
        let parameters = self.instance.parameters()?.into_iter().map(|p| p.name);
        let parameters: Vec<String> = parameters.collect();
        let views = features.iter().map(|(name, _)| (*name).to_owned());
        let output = self.instance.step(input)?;
        self.at.step += 1;
        Ok(Outcome {
            loss: output.loss,
            features: named(views, output.feature_grads)?,
            parameters: named(parameters.into_iter(), output.param_grads)?,
        })
    }

    /// The feature pass that the framework wants now, if any.
    ///
    /// # Errors
    /// The framework's fault.
    pub fn due(&mut self) -> Result<Option<String>, Fault> {
        self.instance.due(&self.at)
    }

    /// A feature pass over `total` samples in these batches: positions and one feature.
    ///
    /// # Errors
    /// The framework's fault.
    ///
    /// # Panics
    /// As [`Trial::step`].
    pub fn pass(
        &mut self,
        id: &str,
        total: usize,
        batches: &[(&[i64], &str, &Tensor)],
    ) -> Result<(), Fault> {
        self.instance.begin_pass(&self.at, id, total)?;
        for (samples, name, tensor) in batches {
            let indices = export_read_only(&Tensor::from_slice(samples))?;
            self.instance.absorb(indices, list(&[(*name, *tensor)])?)?;
        }
        self.instance.end_pass()
    }

    /// What follows the optimiser, with the momentum of target heads.
    ///
    /// # Errors
    /// The framework's fault.
    pub fn after_update(&mut self, momentum: Option<f64>) -> Result<(), Fault> {
        self.instance.after_update(&self.at, momentum)
    }

    /// Starts the epoch of `at`.
    ///
    /// # Errors
    /// The framework's fault.
    pub fn begin_epoch(&mut self) -> Result<EpochPlan, Fault> {
        self.instance.begin_epoch(&self.at)
    }

    /// Copies of the parameters.
    ///
    /// # Errors
    /// The framework's fault.
    pub fn parameters(&mut self) -> Result<BTreeMap<String, Tensor>, Fault> {
        copies(self.instance.parameters()?)
    }

    /// Copies of the state.
    ///
    /// # Errors
    /// The framework's fault.
    pub fn state(&mut self) -> Result<BTreeMap<String, Tensor>, Fault> {
        copies(self.instance.state()?)
    }

    /// Takes over parameters and state by name; what is not named stays.
    ///
    /// # Errors
    /// The framework's refusal.
    pub fn load(
        &mut self,
        parameters: &[(&str, &Tensor)],
        state: &[(&str, &Tensor)],
    ) -> Result<(), Fault> {
        let list = |tensors: &[(&str, &Tensor)]| -> Result<Vec<NamedTensor>, Fault> {
            tensors
                .iter()
                .map(|(name, tensor)| {
                    Ok(NamedTensor {
                        name: (*name).to_owned(),
                        tensor: export(tensor)?,
                    })
                })
                .collect()
        };
        self.instance.load(list(parameters)?, list(state)?)
    }
}

fn list(features: &[(&str, &Tensor)]) -> Result<Vec<Feature>, Fault> {
    features
        .iter()
        .map(|(name, tensor)| {
            let (encoder, view, level) = place(name);
            Ok(Feature {
                encoder,
                view,
                level,
                tensor: export_read_only(tensor)?,
            })
        })
        .collect()
}

/// Encoder, view and level that a feature's name says.
pub(super) fn place(name: &str) -> (Encoder, usize, Level) {
    let mut parts = name.split('.');
    let encoder = match parts.next() {
        Some("online") => Some(Encoder::Online),
        Some("target") => Some(Encoder::Target),
        _ => None,
    };
    let view = parts.next().and_then(|view| view.parse().ok());
    let level = parts.next().map_or(Some(Level::Pooled), Level::from_name);
    match (encoder, view, level) {
        (Some(encoder), Some(view), Some(level)) => (encoder, view, level),
        _ => panic!("expected a feature's name, found {name}"),
    }
}

fn named(
    names: impl Iterator<Item = String>,
    tensors: Vec<Option<FfiTensor>>,
) -> Result<BTreeMap<String, Tensor>, Fault> {
    names
        .zip(tensors)
        .filter_map(|(name, tensor)| Some((name, tensor?)))
        .map(|(name, tensor)| Ok((name, import(tensor)?.copy())))
        .collect()
}

fn copies(list: Vec<NamedTensor>) -> Result<BTreeMap<String, Tensor>, Fault> {
    list.into_iter()
        .map(|named| Ok((named.name, import(named.tensor)?.copy())))
        .collect()
}
