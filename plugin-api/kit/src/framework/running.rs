//! A framework at work behind the boundary's trait.

use super::contract::{Framework, Loss};
use super::views::Views;
use crate::module::{Role, load, owned, tensors, visit_slots};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{
    EpochPlan, Fault, FaultKind, Feature, FfiTensor, NamedTensor, StepInput, StepOutput, TrainStep,
};
use ssl_plugin_tensor::export;

/// The instance the host drives.
pub(super) struct Running<F: Framework> {
    pub(super) framework: F,
}

impl<F: Framework> Running<F> {
    /// Addresses and sizes of the parameters, to notice when they move.
    fn layout(&mut self) -> Vec<(usize, Vec<i64>)> {
        let mut layout = Vec::new();
        visit_slots(self.framework.heads(), |_, slot| {
            if let Some(storage) = slot.storage().filter(|_| slot.role() == Role::Weight) {
                layout.push((storage.data_ptr() as usize, storage.size()));
            }
        });
        layout
    }

    fn backward(&mut self, loss: &Loss, views: &Views) -> Result<StepOutput, Fault> {
        let value = f64::from(loss.value.clone().without_autodiff().into_scalar::<f32>());
        if !value.is_finite() {
            self.end_step(None);
            return Err(Fault::new(
                FaultKind::Numeric,
                format!("expected a finite loss, found {value}"),
            ));
        }
        let gradients = loss.value.backward();
        let feature_grads = exported(views.gradients(&gradients))?;
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
        visit_slots(self.framework.heads(), |_, slot| {
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
        tensors(self.framework.heads(), Role::Weight)
    }

    fn state(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        let mut list = tensors(self.framework.heads(), Role::Buffer)?;
        list.extend(tensors(self.framework.state(), Role::Weight)?);
        list.extend(tensors(self.framework.state(), Role::Buffer)?);
        Ok(list)
    }

    fn load(&mut self, parameters: Vec<NamedTensor>, state: Vec<NamedTensor>) -> Result<(), Fault> {
        let (parameters, state) = (owned(parameters)?, owned(state)?);
        for dry in [true, false] {
            let mut left = shallow(&parameters);
            load(
                self.framework.heads(),
                &mut left,
                |role| role == Role::Weight,
                dry,
            )?;
            unknown("parameter", &left)?;
            let mut left = shallow(&state);
            load(
                self.framework.heads(),
                &mut left,
                |role| role == Role::Buffer,
                dry,
            )?;
            load(self.framework.state(), &mut left, |_| true, dry)?;
            unknown("state", &left)?;
        }
        Ok(())
    }

    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        self.framework.due(at)
    }

    fn begin_pass(&mut self, at: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        self.framework.begin_pass(at, id, samples)
    }

    fn absorb(&mut self, indices: FfiTensor, features: Vec<Feature>) -> Result<(), Fault> {
        self.framework
            .absorb(&Views::new(&indices, features, false)?)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        self.framework.end_pass()
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        let before = self.layout();
        let mut plan = self.framework.begin_epoch(at)?;
        plan.parameters_moved |= before != self.layout();
        Ok(plan)
    }

    fn step(&mut self, input: StepInput) -> Result<StepOutput, Fault> {
        let views = Views::new(&input.indices, input.features, true)?;
        visit_slots(self.framework.heads(), |_, slot| slot.begin_step());
        let loss = match self.framework.loss(&input.at, &views) {
            Ok(loss) => loss,
            Err(fault) => {
                self.end_step(None);
                return Err(fault);
            }
        };
        self.backward(&loss, &views)
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
