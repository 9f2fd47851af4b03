//! The framework's parameters, and what crosses the boundary with them.

use super::error::PretrainError;
use crate::backbone::Backbone;
use crate::optim::{Owner, ParameterSpec};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{FfiTensor, NamedTensor};
use ssl_plugin_tensor::{export, import};
use tch::{Device, Kind, Tensor};

/// The trained parameters of the heads, as views of the plugin's memory.
pub(super) struct Heads {
    parameters: Vec<(String, Tensor)>,
}

impl Heads {
    /// Asks the plugin for its parameters.
    pub(super) fn of(instance: &mut dyn Instance, step: u64) -> Result<Self, PretrainError> {
        let named = instance
            .parameters()
            .map_err(PretrainError::plugin("parameters", step))?;
        let parameters = adopt(named, "parameters", step)?;
        for (name, tensor) in &parameters {
            let kind = tensor.kind();
            if kind != Kind::Float {
                return Err(PretrainError::Contract {
                    call: "parameters",
                    step,
                    expected: format!("{name} in f32"),
                    found: format!("{kind:?}"),
                });
            }
        }
        Ok(Self { parameters })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Names and tensors.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.parameters
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Backbone and heads as the optimiser sees them.
    pub(super) fn specs(&self, backbone: &Backbone) -> Vec<ParameterSpec> {
        let backbone = backbone.parameters().iter().map(|n| ParameterSpec {
            owner: Owner::Backbone,
            name: n.name.clone(),
            shape: n.tensor.size(),
        });
        let heads = self.iter().map(|(name, tensor)| ParameterSpec {
            owner: Owner::Heads,
            name: name.to_owned(),
            shape: tensor.size(),
        });
        backbone.chain(heads).collect()
    }
}

/// Wraps tensors that a plugin handed over.
pub(super) fn adopt(
    named: Vec<NamedTensor>,
    call: &'static str,
    step: u64,
) -> Result<Vec<(String, Tensor)>, PretrainError> {
    for (n, one) in named.iter().enumerate() {
        if named[..n].iter().any(|other| other.name == one.name) {
            return Err(PretrainError::Contract {
                call,
                step,
                expected: "tensors with names of their own".to_owned(),
                found: format!("two named `{}`", one.name),
            });
        }
    }
    named
        .into_iter()
        .map(|n| {
            let tensor = import(n.tensor).map_err(PretrainError::plugin(call, step))?;
            Ok((n.name, tensor))
        })
        .collect()
}

/// Describes tensors for a plugin to take over by name.
pub(super) fn offer<'a>(
    tensors: impl IntoIterator<Item = (&'a str, &'a Tensor)>,
    step: u64,
) -> Result<Vec<NamedTensor>, PretrainError> {
    tensors
        .into_iter()
        .map(|(name, tensor)| {
            Ok(NamedTensor {
                name: name.to_owned(),
                tensor: export(tensor).map_err(PretrainError::plugin("load", step))?,
            })
        })
        .collect()
}

/// Wraps the gradients that a plugin handed over, which must be f32 on the run's device.
pub(super) fn gradients(
    grads: Vec<Option<FfiTensor>>,
    device: Device,
    step: u64,
) -> Result<Vec<Option<Tensor>>, PretrainError> {
    grads
        .into_iter()
        .map(|grad| {
            let Some(grad) = grad else { return Ok(None) };
            let grad = import(grad).map_err(PretrainError::plugin("step", step))?;
            let (kind, place) = (grad.kind(), grad.device());
            if kind == Kind::Float && place == device {
                Ok(Some(grad))
            } else {
                Err(PretrainError::Contract {
                    call: "step",
                    step,
                    expected: format!("gradients in f32 on {device:?}"),
                    found: format!("{kind:?} on {place:?}"),
                })
            }
        })
        .collect()
}

/// Positions in the training set, as plugins take them.
pub(super) fn index_tensor(indices: &[u64]) -> FfiTensor {
    let values: Vec<i64> = indices.iter().map(|&i| i as i64).collect();
    FfiTensor::from_vec(&[values.len() as i64], values)
}
