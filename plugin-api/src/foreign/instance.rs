//! A framework at work, as the host sees it.

#![expect(unsafe_code, reason = "calls through the plugin's table of functions")]

use super::handle::Handle;
use crate::abi::{
    self, Features, Given, Lines, MetricSink, Metrics, NamedSink, Sink, StepIn, StepOut, Str,
    TrainStep as RawTrainStep, answer, text,
};
use crate::exchange::{EpochPlan, Feature, NamedTensor, StepInput, StepOutput, TrainStep};
use crate::export::Instance as Contract;
use crate::fault::Fault;
use crate::tensor::{FfiTensor, Lent, Managed};
use std::sync::Arc;

/// An instance inside a plugin. Methods and their order are those of
/// [`crate::export::Instance`]; what comes back is validated. A function that the plugin's table does
/// not have is a feature that the framework does not have.
///
/// Parameters and state keep the instance alive: it is released with the last of them.
pub struct Instance {
    handle: Arc<Handle>,
    /// Number of parameters, once asked for.
    parameters: Option<usize>,
}

/// Calls one function of the table with the instance's own pointer.
macro_rules! call {
    ($self:ident . $name:ident ( $($arg:expr),* )) => {{
        let it = $self.handle.it();
        let function = $self.handle.table().$name.ok_or_else(|| absent(stringify!($name)))?;
        // SAFETY: the pointer belongs to the table and lives as long as the handle; `&mut self`
        // excludes other calls; the arguments live over the call, and tensors pass to the callee.
        answer(|error| unsafe { function(it $(, $arg)*, error) })
    }};
}

fn absent(function: &str) -> Fault {
    Fault::unsupported(format!(
        "expected a plugin with `{function}`, found one without it"
    ))
}

impl Instance {
    pub(super) fn new(handle: Handle) -> Self {
        Self {
            handle: Arc::new(handle),
            parameters: None,
        }
    }

    /// Ties views of the plugin's memory to the instance.
    fn tied(&self, list: Vec<NamedTensor>) -> Result<Vec<NamedTensor>, Fault> {
        list.into_iter()
            .map(|NamedTensor { name, tensor }| {
                let tensor = tensor.with(Arc::clone(&self.handle))?;
                Ok(NamedTensor { name, tensor })
            })
            .collect()
    }
}

impl Contract for Instance {
    fn parameters(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        let list = NamedSink::collect(Lent::Kept, |out| call!(self.parameters(out)))?;
        self.parameters = Some(list.len());
        self.tied(list)
    }

    fn state(&mut self) -> Result<Vec<NamedTensor>, Fault> {
        if self.handle.table().state.is_none() {
            return Ok(Vec::new());
        }
        let list = NamedSink::collect(Lent::Kept, |out| call!(self.state(out)))?;
        self.tied(list)
    }

    fn load(&mut self, parameters: Vec<NamedTensor>, state: Vec<NamedTensor>) -> Result<(), Fault> {
        if self.handle.table().load.is_none() {
            // There is nothing to take over, or the plugin cannot.
            let given = parameters.len() + state.len();
            return if given == 0 {
                Ok(())
            } else {
                Err(absent("load"))
            };
        }
        let (parameters, state) = (Given::new(parameters), Given::new(state));
        call!(self.load(
            parameters.as_ptr(),
            parameters.len(),
            state.as_ptr(),
            state.len()
        ))
    }

    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        let Some(due) = self.handle.table().due else {
            return Ok(None);
        };
        let (it, at) = (self.handle.it(), RawTrainStep::from(at));
        // SAFETY: as in `call`.
        let pass = text(|pass, error| unsafe { due(it, &raw const at, pass, error) })?;
        Ok((!pass.is_empty()).then_some(pass))
    }

    fn begin_pass(&mut self, at: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        let at = RawTrainStep::from(at);
        call!(self.begin_pass(&raw const at, Str::new(id), samples as u64))
    }

    fn absorb(&mut self, indices: FfiTensor, features: Vec<Feature>) -> Result<(), Fault> {
        if self.handle.table().absorb.is_none() {
            return Err(absent("absorb"));
        }
        let features = Features::new(features);
        call!(self.absorb(indices.into_raw().cast(), features.as_ptr(), features.len()))
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        call!(self.end_pass())
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        if self.handle.table().begin_epoch.is_none() {
            return Ok(EpochPlan::default());
        }
        let at = RawTrainStep::from(at);
        let mut reset_optimizer = Lines::default();
        let mut plan = abi::EpochPlan {
            size: size_of::<abi::EpochPlan>() as u64,
            order: std::ptr::null_mut(),
            reset_optimizer: Sink::list(&mut reset_optimizer),
            parameters_moved: 0,
            reserved: 0,
        };
        let result = call!(self.begin_epoch(&raw const at, &raw mut plan));
        // SAFETY: what the plugin put there is ours, fault or not.
        let order = unsafe { FfiTensor::from_raw(plan.order.cast()) };
        result?;
        Ok(EpochPlan {
            order: order.map(|o| o.received(Lent::Refused)).transpose()?,
            reset_optimizer: reset_optimizer.taken()?,
            parameters_moved: plan.parameters_moved != 0,
        })
    }

    fn step(&mut self, input: StepInput) -> Result<StepOutput, Fault> {
        let parameters = match self.parameters {
            Some(parameters) => parameters,
            None => self.parameters()?.len(),
        };
        let shapes: Vec<Vec<i64>> = input
            .features
            .iter()
            .map(|f| f.tensor.shape().to_vec())
            .collect();
        let mut output = StepOutput {
            feature_grads: none(shapes.len()),
            param_grads: none(parameters),
            ..StepOutput::default()
        };
        let at = RawTrainStep::from(&input.at);
        let features = Features::new(input.features);
        let input = StepIn {
            size: size_of::<StepIn>() as u64,
            at: &raw const at,
            indices: input.indices.into_raw().cast(),
            features: features.as_ptr(),
            feature_count: features.len(),
        };
        let mut metrics = Metrics::default();
        let mut out = StepOut {
            size: size_of::<StepOut>() as u64,
            loss: f64::NAN,
            feature_grads: places(&mut output.feature_grads),
            param_grads: places(&mut output.param_grads),
            param_count: parameters as u64,
            metrics: MetricSink::list(&mut metrics),
            parameters_moved: 0,
            reserved: 0,
        };
        call!(self.step(&raw const input, &raw mut out))?;
        output.loss = out.loss;
        output.metrics = metrics.taken()?;
        output.parameters_moved = out.parameters_moved != 0;
        output.feature_grads = received(output.feature_grads)?;
        output.param_grads = received(output.param_grads)?;
        for (n, (grad, shape)) in output.feature_grads.iter().zip(&shapes).enumerate() {
            if let Some(grad) = grad
                && grad.shape() != shape
            {
                return Err(Fault::shape(format!(
                    "expected the gradient of feature {n} of shape {shape:?}, found {:?} (step)",
                    grad.shape()
                )));
            }
        }
        Ok(output)
    }

    fn after_update(&mut self, at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        if self.handle.table().after_update.is_none() {
            return Ok(());
        }
        let at = RawTrainStep::from(at);
        let momentum = momentum
            .as_ref()
            .map_or(std::ptr::null(), std::ptr::from_ref);
        call!(self.after_update(&raw const at, momentum))
    }

    fn cluster(
        &mut self,
        at: &TrainStep,
        bank: Vec<NamedTensor>,
    ) -> Result<Vec<NamedTensor>, Fault> {
        if self.handle.table().cluster.is_none() {
            return Err(absent("cluster"));
        }
        let at = RawTrainStep::from(at);
        let bank = Given::new(bank);
        NamedSink::collect(Lent::Refused, |out| {
            call!(self.cluster(&raw const at, bank.as_ptr(), bank.len(), out))
        })
    }
}

fn none(count: usize) -> Vec<Option<FfiTensor>> {
    (0..count).map(|_| None).collect()
}

/// A list of tensors as C has it: `FfiTensor` is a pointer that is never null, so `None` is the null
/// pointer.
fn places(list: &mut [Option<FfiTensor>]) -> *mut *mut Managed {
    list.as_mut_ptr().cast()
}

fn received(list: Vec<Option<FfiTensor>>) -> Result<Vec<Option<FfiTensor>>, Fault> {
    list.into_iter()
        .map(|tensor| tensor.map(|t| t.received(Lent::Refused)).transpose())
        .collect()
}
