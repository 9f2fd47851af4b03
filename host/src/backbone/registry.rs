//! A backbone's tensors: creation, copies, import, averaging.

use super::config::{BackboneConfig, ComputePrecision};
use super::error::{BackboneError, ImportReport, WrongShape};
use super::init;
use super::plan::{Plan, Spec};
use crate::digest::hex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use tch::{Device, Kind, TchError, Tensor, no_grad};

/// A tensor and its name in torchvision's state dict.
#[derive(Debug)]
pub struct Named {
    /// The name, for instance `layer1.0.conv1.weight`.
    pub name: String,
    /// The tensor, f32.
    pub tensor: Tensor,
}

/// A residual network without classifier.
///
/// Parameters are leaves with gradient, or not, as [`Backbone::set_trainable`] says; buffers are the
/// running means and variances of the batch norms (PyTorch's rule: momentum 0.1, unbiased variance).
#[derive(Debug)]
pub struct Backbone {
    pub(super) plan: Plan,
    config: BackboneConfig,
    pub(super) parameters: Vec<Named>,
    pub(super) buffers: Vec<Named>,
    pub(super) precision: ComputePrecision,
    device: Device,
}

impl Backbone {
    /// A backbone with seeded starting values: convolutions He-normal by fan-out, batch-norm scales
    /// 1 (the last of a block 0 with `zero_init_residual`) and offsets 0, as torchvision.
    ///
    /// # Errors
    /// [`BackboneError::Width`] for a width out of range; libtorch's refusal of the device.
    pub fn new(config: &BackboneConfig, seed: u64, device: Device) -> Result<Self, BackboneError> {
        config.validate()?;
        let plan = Plan::of(config);
        let create = |specs: &[Spec]| {
            specs
                .iter()
                .map(|spec| {
                    let values = init::values(spec, seed);
                    let tensor = Tensor::f_from_slice(&values)?
                        .f_reshape(&spec.shape)?
                        .f_to_device(device)?;
                    Ok(Named {
                        name: spec.name.clone(),
                        tensor,
                    })
                })
                .collect::<Result<Vec<_>, TchError>>()
                .map_err(|source| BackboneError::Torch {
                    operation: "creating the backbone",
                    source,
                })
        };
        let backbone = Self {
            parameters: create(&plan.parameters)?,
            buffers: create(&plan.buffers)?,
            plan,
            config: config.clone(),
            precision: ComputePrecision::default(),
            device,
        };
        backbone.set_trainable(true);
        Ok(backbone)
    }

    /// A copy with storage of its own, without gradient: the start of a momentum encoder.
    ///
    /// # Errors
    /// libtorch's refusal to copy.
    pub fn frozen_copy(&self) -> Result<Self, BackboneError> {
        let copy = |from: &[Named]| {
            from.iter()
                .map(|n| {
                    Ok(Named {
                        name: n.name.clone(),
                        tensor: n.tensor.f_detach()?.copy(),
                    })
                })
                .collect::<Result<Vec<_>, TchError>>()
                .map_err(|source| BackboneError::Torch {
                    operation: "copying the backbone",
                    source,
                })
        };
        Ok(Self {
            plan: self.plan.clone(),
            config: self.config.clone(),
            parameters: copy(&self.parameters)?,
            buffers: copy(&self.buffers)?,
            precision: self.precision,
            device: self.device,
        })
    }

    /// The same backbone computing in `precision`; a new one computes in f32. Copies keep it.
    #[must_use]
    pub const fn with_precision(mut self, precision: ComputePrecision) -> Self {
        self.precision = precision;
        self
    }

    /// The same backbone on another device.
    ///
    /// # Errors
    /// libtorch's refusal of the device.
    pub fn to_device(mut self, device: Device) -> Result<Self, BackboneError> {
        if device == self.device {
            return Ok(self);
        }
        no_grad(|| {
            for named in self.parameters.iter_mut().chain(&mut self.buffers) {
                named.tensor = named
                    .tensor
                    .f_detach()
                    .and_then(|tensor| tensor.f_to_device(device))
                    .map_err(|source| BackboneError::Torch {
                        operation: "moving the backbone",
                        source,
                    })?;
            }
            Ok::<(), BackboneError>(())
        })?;
        self.device = device;
        Ok(self)
    }

    /// SHA-256 over architecture, names and values, in lower-case hexadecimal.
    ///
    /// # Errors
    /// libtorch's refusal to copy.
    pub fn sha256(&self) -> Result<String, BackboneError> {
        let mut hasher = Sha256::new();
        hasher.update(format!("{:?}", self.config));
        for named in self.tensors() {
            let values = named
                .tensor
                .f_detach()
                .and_then(|tensor| tensor.f_to_device(Device::Cpu))
                .and_then(|tensor| tensor.f_contiguous())
                .and_then(|tensor| tensor.f_flatten(0, -1))
                .and_then(|tensor| Vec::<f32>::try_from(&tensor))
                .map_err(|source| BackboneError::Torch {
                    operation: "hashing the backbone",
                    source,
                })?;
            hasher.update(&named.name);
            hasher.update((values.len() as u64).to_le_bytes());
            for value in values {
                hasher.update(value.to_le_bytes());
            }
        }
        Ok(hex(&hasher.finalize()))
    }

    /// Its architecture.
    #[must_use]
    pub const fn config(&self) -> &BackboneConfig {
        &self.config
    }

    /// Where it lives.
    #[must_use]
    pub const fn device(&self) -> Device {
        self.device
    }

    /// The parameters, in torchvision's order.
    #[must_use]
    pub fn parameters(&self) -> &[Named] {
        &self.parameters
    }

    /// The running statistics of the batch norms.
    #[must_use]
    pub fn buffers(&self) -> &[Named] {
        &self.buffers
    }

    /// Parameters and buffers.
    pub fn tensors(&self) -> impl Iterator<Item = &Named> {
        self.parameters.iter().chain(&self.buffers)
    }

    /// Number of parameters, in elements.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(|n| n.tensor.numel()).sum()
    }

    /// Turns gradients of the parameters on or off.
    pub fn set_trainable(&self, trainable: bool) {
        for named in &self.parameters {
            let _ = named.tensor.set_requires_grad(trainable);
        }
    }

    /// Moves the parameters towards `online`'s: `t ← m·t + (1 − m)·o`. Batch-norm buffers stay.
    ///
    /// # Errors
    /// [`BackboneError::Mismatch`] when the architectures differ.
    pub fn follow(&mut self, online: &Self, momentum: f64) -> Result<(), BackboneError> {
        if self.config != online.config {
            return Err(BackboneError::Mismatch {
                ours: self.parameters.len(),
                theirs: online.parameters.len(),
            });
        }
        no_grad(|| {
            for (target, online) in self.parameters.iter_mut().zip(&online.parameters) {
                let _ = target
                    .tensor
                    .f_lerp_(&online.tensor, 1.0 - momentum)
                    .map_err(|source| BackboneError::Torch {
                        operation: "averaging the momentum backbone",
                        source,
                    })?;
            }
            Ok(())
        })
    }

    /// Overwrites parameters and buffers with the tensors of these names. PyTorch's
    /// `num_batches_tracked` counters are passed over. Nothing is written unless everything fits.
    ///
    /// # Errors
    /// [`BackboneError::Import`] with all that is missing, unexpected or of another shape.
    pub fn import<'a>(
        &mut self,
        tensors: impl IntoIterator<Item = (&'a str, &'a Tensor)>,
    ) -> Result<(), BackboneError> {
        let offered: HashMap<&str, &Tensor> = tensors
            .into_iter()
            .filter(|(name, _)| !name.ends_with(".num_batches_tracked"))
            .collect();
        let report = self.compare(&offered);
        if !report.is_full_match() {
            return Err(BackboneError::Import(report));
        }
        no_grad(|| {
            for named in self.parameters.iter_mut().chain(&mut self.buffers) {
                if let Some(tensor) = offered.get(named.name.as_str()) {
                    named
                        .tensor
                        .f_copy_(&tensor.to_kind(Kind::Float))
                        .map_err(|source| BackboneError::Torch {
                            operation: "importing the backbone",
                            source,
                        })?;
                }
            }
            Ok(())
        })
    }

    fn compare(&self, offered: &HashMap<&str, &Tensor>) -> ImportReport {
        let mut report = ImportReport::default();
        for named in self.tensors() {
            let expected = named.tensor.size();
            match offered.get(named.name.as_str()).map(|t| t.size()) {
                None => report.missing.push(named.name.clone()),
                Some(found) if found != expected => report.wrong_shape.push(WrongShape {
                    name: named.name.clone(),
                    expected,
                    found,
                }),
                Some(_) => {}
            }
        }
        report.unexpected = offered
            .keys()
            .filter(|&&name| !self.tensors().any(|n| n.name == name))
            .map(|&name| name.to_owned())
            .collect();
        report.unexpected.sort();
        report
    }
}
