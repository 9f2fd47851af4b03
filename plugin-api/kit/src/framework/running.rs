//! A framework at work behind the boundary's trait.

use super::contract::Framework;
use super::features::Features;
use super::step::Loss;
use crate::module::{Role, load, owned, tensors, visit_slots};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{
    EpochPlan, Fault, FaultKind, Feature, FfiTensor, NamedTensor, RunContext, StepInput,
    StepOutput, TrainStep,
};
use ssl_plugin_tensor::export;

/// The instance the host drives.
pub(super) struct Running<F: Framework> {
    framework: F,
    /// The circumstances that it was created in.
    context: RunContext,
    /// Ids of the passes of its description.
    passes: Vec<String>,
    /// Whether one of them is open.
    open: bool,
}

impl<F: Framework> Running<F> {
    pub(super) const fn new(framework: F, context: RunContext, passes: Vec<String>) -> Self {
        Self {
            framework,
            context,
            passes,
            open: false,
        }
    }

    fn check_open(&self) -> Result<(), Fault> {
        if self.open {
            return Ok(());
        }
        Err(Fault::state("expected an open feature pass, found none"))
    }

    /// Addresses and sizes of the parameters, to notice when they move.
    fn layout(&mut self) -> Vec<(usize, Vec<i64>)> {
        let mut layout = Vec::new();
        visit_slots(&mut self.framework, |_, slot| {
            if let Some(storage) = slot.storage().filter(|_| slot.role() == Role::Weight) {
                layout.push((storage.data_ptr() as usize, storage.size()));
            }
        });
        layout
    }

    fn backward(&mut self, loss: &Loss, features: &Features) -> Result<StepOutput, Fault> {
        let value = f64::from(loss.value.clone().without_autodiff().into_scalar::<f32>());
        if !value.is_finite() {
            self.end_step(None);
            return Err(Fault::new(
                FaultKind::Numeric,
                format!("expected a finite loss, found {value}"),
            ));
        }
        let gradients = loss.value.backward();
        let feature_grads = exported(features.gradients(&gradients))?;
        let param_grads = exported(self.end_step(Some(&gradients)))?;
        Ok(StepOutput {
            loss: value,
            metrics: loss.metrics.clone(),
            feature_grads,
            param_grads,
            parameters_moved: false,
        })
    }

    fn end_step(
        &mut self,
        gradients: Option<&burn::tensor::Gradients>,
    ) -> Vec<Option<tch::Tensor>> {
        let mut list = Vec::new();
        visit_slots(&mut self.framework, |_, slot| {
            if slot.role() == Role::Weight {
                list.push(slot.end_step(gradients));
            }
        });
        list
    }
}

fn exported(list: Vec<Option<tch::Tensor>>) -> Result<Vec<Option<FfiTensor>>, Fault> {
    list.into_iter()
        .map(|grad| grad.map(|grad| export(&grad)).transpose())
        .collect()
}

impl<F: Framework> Instance for Running<F> {
    fn parameters(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        tensors(&mut self.framework, Role::Weight)
    }

    fn state(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        tensors(&mut self.framework, Role::Buffer)
    }

    fn load(&mut self, parameters: Vec<NamedTensor>, state: Vec<NamedTensor>) -> Result<(), Fault> {
        let (parameters, state) = (owned(parameters)?, owned(state)?);
        for dry in [true, false] {
            for (given, role, what) in [
                (&parameters, Role::Weight, "parameter"),
                (&state, Role::Buffer, "state"),
            ] {
                let mut left = shallow(given);
                load(&mut self.framework, &mut left, role, dry)?;
                unknown(what, &left)?;
            }
        }
        Ok(())
    }

    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        Ok(self.framework.due(at).map(str::to_owned))
    }

    fn begin_pass(&mut self, at: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        if !self.passes.iter().any(|known| known == id) {
            return Err(Fault::unsupported(format!(
                "expected a feature pass of the description ({}), found {id}",
                self.passes.join(", ")
            )));
        }
        self.framework.begin_pass(at, id, samples)?;
        self.open = true;
        Ok(())
    }

    fn absorb(&mut self, indices: FfiTensor, features: Vec<Feature>) -> Result<(), Fault> {
        self.check_open()?;
        let features = Features::new(&self.context, &indices, features, false)?;
        self.framework.absorb(&features)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        self.check_open()?;
        self.open = false;
        self.framework.end_pass()
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        let before = self.layout();
        let mut plan = self.framework.begin_epoch(at)?;
        plan.parameters_moved |= before != self.layout();
        Ok(plan)
    }

    fn step(&mut self, input: StepInput) -> Result<StepOutput, Fault> {
        let features = Features::new(&self.context, &input.indices, input.features, true)?;
        visit_slots(&mut self.framework, |_, slot| slot.begin_step());
        let loss = match self.framework.loss(&input.at, &features) {
            Ok(loss) => loss,
            Err(fault) => {
                self.end_step(None);
                return Err(fault);
            }
        };
        self.backward(&loss, &features)
    }

    fn after_update(&mut self, at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        self.framework.after_update(at, momentum)
    }

    fn cluster(
        &mut self,
        at: &TrainStep,
        bank: Vec<NamedTensor>,
    ) -> Result<Vec<NamedTensor>, Fault> {
        self.framework
            .cluster(at, owned(bank)?)?
            .into_iter()
            .map(|(name, tensor)| {
                Ok(NamedTensor {
                    name,
                    tensor: export(&tensor)?,
                })
            })
            .collect()
    }
}

fn shallow(list: &[(String, tch::Tensor)]) -> Vec<(String, tch::Tensor)> {
    list.iter()
        .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
        .collect()
}

fn unknown(what: &str, left: &[(String, tch::Tensor)]) -> Result<(), Fault> {
    match left.first() {
        None => Ok(()),
        Some((name, _)) => Err(Fault::state(format!(
            "expected {what} names of this framework and configuration, found `{name}`"
        ))),
    }
}
