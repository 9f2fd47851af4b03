//! One optimiser over all parameters of a run.

use super::clip;
use super::error::OptimError;
use super::rule::{Memory, Rates, update};
use super::settings::{ParameterSpec, Rules, Settings};
use ssl_plugin_api::description::Recipe;
use tch::{Tensor, no_grad};

/// How long a run is; schedules are read against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Images per optimiser step, over all ranks.
    pub batch_size: usize,
    /// Epochs.
    pub epochs: u64,
    /// Optimiser steps per epoch.
    pub steps_per_epoch: u64,
}

impl Length {
    /// Optimiser steps of the whole run.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.epochs * self.steps_per_epoch
    }
}

/// A parameter and its gradient, in the order the optimiser was made with.
#[derive(Debug)]
pub struct Update<'a> {
    /// The parameter; it is written in place.
    pub parameter: &'a Tensor,
    /// Its gradient; without one the parameter is left alone, decay and momentum included.
    pub grad: Option<&'a Tensor>,
}

/// What a step used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The recipe's learning rate at this step.
    pub lr: f64,
    /// The recipe's weight decay at this step.
    pub weight_decay: f64,
}

/// The recipe's optimiser, with what it remembers of each parameter.
///
/// A step: gradients of frozen parameters are dropped, the others clipped, then each parameter is
/// updated by its own rule.
pub struct Optimizer {
    recipe: Recipe,
    rules: Rules,
    length: Length,
    pub(super) slots: Vec<Slot>,
}

pub(super) struct Slot {
    pub(super) spec: ParameterSpec,
    settings: Settings,
    pub(super) memory: Memory,
}

impl Optimizer {
    /// An optimiser for these parameters.
    ///
    /// # Errors
    /// [`OptimError::Pattern`] for a group rule that cannot be read.
    pub fn new(
        recipe: &Recipe,
        length: Length,
        parameters: Vec<ParameterSpec>,
    ) -> Result<Self, OptimError> {
        let mut optimizer = Self {
            recipe: recipe.clone(),
            rules: Rules::new(recipe)?,
            length,
            slots: Vec::new(),
        };
        optimizer.adopt(parameters);
        Ok(optimizer)
    }

    /// Takes over another list of parameters. What is remembered stays with those whose name and
    /// shape are still there.
    pub fn adopt(&mut self, parameters: Vec<ParameterSpec>) {
        let mut known = std::mem::take(&mut self.slots);
        self.slots = parameters
            .into_iter()
            .map(|spec| {
                let memory = known
                    .iter()
                    .position(|slot| slot.spec == spec)
                    .map(|place| known.swap_remove(place).memory);
                Slot {
                    settings: self.rules.settings(&spec),
                    memory: memory.unwrap_or_default(),
                    spec,
                }
            })
            .collect();
    }

    /// Forgets momentum and moments of the heads' parameters with these names.
    pub fn reset_heads(&mut self, names: &[String]) {
        for slot in &mut self.slots {
            if slot.spec.owner == super::Owner::Heads && names.contains(&slot.spec.name) {
                slot.memory = Memory::default();
            }
        }
    }

    /// The parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = (&ParameterSpec, &Settings)> {
        self.slots.iter().map(|slot| (&slot.spec, &slot.settings))
    }

    /// Updates all parameters at optimiser step `step` (0-based).
    ///
    /// # Errors
    /// [`OptimError::Parameters`] and [`OptimError::Gradient`] for lists that do not fit; nothing is
    /// written then.
    pub fn step(&mut self, step: u64, updates: &[Update<'_>]) -> Result<StepReport, OptimError> {
        self.check(updates)?;
        let report = self.report(step);
        let epoch = step / self.length.steps_per_epoch.max(1);
        let mut active: Vec<(&mut Slot, &Tensor, &Tensor)> = self
            .slots
            .iter_mut()
            .zip(updates)
            .filter(|(slot, _)| !slot.settings.is_frozen(step, epoch))
            .filter_map(|(slot, u)| u.grad.map(|grad| (slot, u.parameter, grad)))
            .collect();
        let peak = self.recipe.lr.peak(self.length.batch_size);
        no_grad(|| {
            let grads: Vec<&Tensor> = active.iter().map(|(_, _, grad)| *grad).collect();
            let factors = match self.recipe.clipping {
                Some(clipping) => {
                    clip::factors(clipping, &grads).map_err(|source| OptimError::Torch {
                        name: "all parameters (clipping)".to_owned(),
                        source,
                    })?
                }
                None => Vec::new(),
            };
            for (place, (slot, parameter, grad)) in active.iter_mut().enumerate() {
                let rates = rates(&slot.settings, report, peak);
                let clipped = factors.get(place).map(|factor| *grad * factor);
                let grad = clipped.as_ref().unwrap_or(grad);
                update(&slot.settings, rates, parameter, grad, &mut slot.memory)
                    .map_err(|fault| fault.of(&slot.spec.name))?;
            }
            Ok(report)
        })
    }

    /// Learning rate and weight decay of the recipe at a step.
    ///
    /// Weight decay follows its ramp with progress `step / steps`, as the code of arXiv:2104.14294 does.
    #[must_use]
    pub fn report(&self, step: u64) -> StepReport {
        let Length {
            batch_size,
            epochs,
            steps_per_epoch,
        } = self.length;
        let progress = step as f64 / self.length.steps().max(1) as f64;
        StepReport {
            lr: self.recipe.lr.at(step, steps_per_epoch, epochs, batch_size),
            weight_decay: self.recipe.weight_decay.at(progress),
        }
    }

    fn check(&self, updates: &[Update<'_>]) -> Result<(), OptimError> {
        if updates.len() != self.slots.len() {
            return Err(OptimError::Parameters {
                place: updates.len().min(self.slots.len()),
                expected: format!("{} parameters", self.slots.len()),
                found: format!("{}", updates.len()),
            });
        }
        for (place, (slot, update)) in self.slots.iter().zip(updates).enumerate() {
            let found = update.parameter.size();
            if found != slot.spec.shape {
                return Err(OptimError::Parameters {
                    place,
                    expected: format!("{} of shape {:?}", slot.spec.name, slot.spec.shape),
                    found: format!("shape {found:?}"),
                });
            }
            if let Some(grad) = update.grad
                && grad.size() != found
            {
                return Err(OptimError::Gradient {
                    name: slot.spec.name.clone(),
                    expected: found,
                    found: grad.size(),
                });
            }
        }
        Ok(())
    }
}

fn rates(settings: &Settings, report: StepReport, peak: f64) -> Rates {
    let lr = match settings.own_lr {
        Some(lr) => lr,
        None if settings.constant_lr => peak,
        None => report.lr,
    };
    let weight_decay = if settings.decay {
        settings.own_weight_decay.unwrap_or(report.weight_decay)
    } else {
        0.0
    };
    Rates {
        lr: lr * settings.lr_scale,
        weight_decay,
    }
}
