//! A framework at work, as the host sees it.

#![expect(unsafe_code, reason = "calls through the plugin's table of functions")]

use crate::exchange::{
    EpochPlan, Feature, FfiStepInput, Moment, NamedTensor, StepInput, StepOutput, convert,
};
use crate::export::Instance as Contract;
use crate::fault::Fault;
use crate::module::{Answer, FfiInstance};
use crate::tensor::FfiTensor;

/// An instance inside a plugin. Methods and their order are those of
/// [`crate::export::Instance`]; what comes back is validated.
pub struct Instance {
    raw: FfiInstance,
}

// SAFETY: the plugin's `Instance` trait requires `Send`; every call takes `&mut self`.
unsafe impl Send for Instance {}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: `context` belongs to `table`; dropped once.
        unsafe { self.raw.table.release()(self.raw.context) }
    }
}

fn result<T>(answer: Answer<T>) -> Result<T, Fault> {
    answer.into_result().map_err(Fault::from)
}

/// Calls one function of the table with the instance's own context.
macro_rules! call {
    ($self:ident . $name:ident ( $($arg:expr),* )) => {
        // SAFETY: `context` belongs to `table` and lives until `Drop`; `&mut self` excludes other
        // calls.
        result(unsafe { $self.raw.table.$name()($self.raw.context $(, $arg)*) })
    };
}

impl Instance {
    pub(super) const fn new(raw: FfiInstance) -> Self {
        Self { raw }
    }
}

impl Contract for Instance {
    fn parameters(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        named(convert(call!(self.parameters())?))
    }

    fn state(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        named(convert(call!(self.state())?))
    }

    fn load(&mut self, parameters: Vec<NamedTensor>, state: Vec<NamedTensor>) -> Result<(), Fault> {
        call!(self.load(convert(parameters), convert(state)))
    }

    fn due(&mut self, moment: &Moment) -> Result<Option<String>, Fault> {
        call!(self.due(*moment)).map(|id| id.map(String::from).into())
    }

    fn begin_pass(&mut self, moment: &Moment, id: &str, samples: usize) -> Result<(), Fault> {
        call!(self.begin_pass(*moment, id.into(), samples as u64))
    }

    fn absorb(&mut self, indices: FfiTensor, features: Vec<Feature>) -> Result<(), Fault> {
        call!(self.absorb(indices, convert(features)))
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        call!(self.end_pass())
    }

    fn begin_epoch(&mut self, moment: &Moment) -> Result<EpochPlan, Fault> {
        let plan = EpochPlan::from(call!(self.begin_epoch(*moment))?);
        if let Some(order) = &plan.order {
            order.validate()?;
        }
        Ok(plan)
    }

    fn step(&mut self, input: StepInput) -> Result<StepOutput, Fault> {
        let shapes: Vec<Vec<i64>> = input
            .features
            .iter()
            .map(|f| f.tensor.shape().to_vec())
            .collect();
        let output = StepOutput::from(call!(self.step(FfiStepInput::from(input)))?);
        if output.feature_grads.len() != shapes.len() {
            return Err(Fault::shape(format!(
                "expected {} feature gradients, found {} (step)",
                shapes.len(),
                output.feature_grads.len()
            )));
        }
        for (n, (grad, shape)) in output.feature_grads.iter().zip(&shapes).enumerate() {
            let Some(grad) = grad else { continue };
            grad.validate()?;
            if grad.shape() != shape {
                return Err(Fault::shape(format!(
                    "expected the gradient of feature {n} of shape {shape:?}, found {:?} (step)",
                    grad.shape()
                )));
            }
        }
        for grad in output.param_grads.iter().flatten() {
            grad.validate()?;
        }
        Ok(output)
    }

    fn after_update(&mut self, moment: &Moment, momentum: Option<f64>) -> Result<(), Fault> {
        call!(self.after_update(*moment, momentum.into()))
    }

    fn cluster(
        &mut self,
        moment: &Moment,
        bank: Vec<NamedTensor>,
    ) -> Result<Vec<NamedTensor>, Fault> {
        named(convert(call!(self.cluster(*moment, convert(bank)))?))
    }
}

fn named(tensors: Vec<NamedTensor>) -> Result<Vec<NamedTensor>, Fault> {
    for named in &tensors {
        named
            .tensor
            .validate()
            .map_err(|fault| Fault::shape(format!("{}: {fault}", named.name)))?;
    }
    Ok(tensors)
}
