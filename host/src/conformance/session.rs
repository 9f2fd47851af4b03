//! A framework at work, driven as a run drives it, on drawn features and without a backbone.

use super::inputs::{self, Batch};
use super::step_result::StepResult;
use super::subject::{BATCH, Subject};
use super::tensors::{Named, copies, imported, offered};
use super::verdict::{Broken, broken, expect};
use ssl_plugin_api::description::Description;
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{Fault, RunContext, Services, SingleProcess, StepInput, TrainStep};
use ssl_plugin_tensor::import;
use std::sync::Arc;
use tch::{Tensor, no_grad};

/// Learning rate of the checks' optimiser, which is plain gradient descent.
const RATE: f64 = 0.05;
/// Feature passes that may follow each other; more would never end.
const MOST_PASSES: usize = 16;

/// A framework at work.
pub struct Session {
    /// The instance.
    pub instance: Instance,
    /// What it asks for.
    pub description: Description,
    /// Its circumstances.
    pub context: RunContext,
    /// Where training is.
    pub at: TrainStep,
    /// Its parameters: views of the plugin's memory.
    pub parameters: Named,
    /// Feature passes that were run.
    pub passes_run: usize,
}

impl Session {
    /// Starts the framework, alone.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn start(subject: &Subject, plugin: &Plugin) -> Result<Self, Broken> {
        Self::start_in(subject, plugin, subject.context(), Arc::new(SingleProcess))
    }

    /// Starts the framework in these circumstances.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn start_in(
        subject: &Subject,
        plugin: &Plugin,
        context: RunContext,
        services: Arc<dyn Services>,
    ) -> Result<Self, Broken> {
        let description = subject.describe(plugin)?;
        let instance = subject.create_in(plugin, &context, services)?;
        Self::of(instance, description, context)
    }

    /// A framework that was started in these circumstances.
    ///
    /// # Errors
    /// The plugin's fault, or a parameter that is not f32.
    pub fn of(
        instance: Instance,
        description: Description,
        context: RunContext,
    ) -> Result<Self, Broken> {
        let at = TrainStep {
            epoch: 0,
            epochs: context.epochs,
            step: 0,
            steps_per_epoch: context.steps_per_epoch,
            seed: context.seed,
        };
        let mut session = Self {
            instance,
            description,
            context,
            at,
            parameters: Vec::new(),
            passes_run: 0,
        };
        session.refresh()?;
        Ok(session)
    }

    /// Starts the framework and goes to the start of an epoch, through its passes.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn at_epoch(subject: &Subject, plugin: &Plugin, epoch: u64) -> Result<Self, Broken> {
        let mut session = Self::start(subject, plugin)?;
        session.begin(epoch)?;
        Ok(session)
    }

    /// Asks for the parameters anew.
    ///
    /// # Errors
    /// The plugin's fault, or a parameter that is not f32.
    pub fn refresh(&mut self) -> Result<(), Broken> {
        self.parameters = imported(self.instance.parameters()?)?;
        for (name, tensor) in &self.parameters {
            let kind = tensor.kind();
            expect(kind == tch::Kind::Float, || {
                format!("parameters: expected {name} in f32, found {kind:?}")
            })?;
        }
        Ok(())
    }

    /// Starts an epoch as a run does: passes, then `begin_epoch`.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn begin(&mut self, epoch: u64) -> Result<(), Broken> {
        self.at.epoch = epoch;
        self.at.step = epoch * self.at.steps_per_epoch;
        self.passes()?;
        let plan = self.instance.begin_epoch(&self.at)?;
        if plan.parameters_moved {
            self.refresh()?;
        }
        let order = plan.order.map(import).transpose()?;
        let samples = self.context.samples as i64;
        let fits = |order: &Tensor| {
            order.kind() == tch::Kind::Int64
                && order.dim() == 1
                && (order.numel() == 0
                    || (order.min().int64_value(&[]) >= 0
                        && order.max().int64_value(&[]) < samples))
        };
        expect(order.as_ref().is_none_or(fits), || {
            format!(
                "begin_epoch: expected an order of places 0 to {}, i64, found another",
                samples - 1
            )
        })
    }

    /// Runs the passes that are due.
    ///
    /// # Errors
    /// The plugin's fault, a pass that is not described, passes without end.
    pub fn passes(&mut self) -> Result<(), Broken> {
        if self.description.passes.is_empty() {
            return Ok(());
        }
        for _ in 0..MOST_PASSES {
            let Some(id) = self.instance.due(&self.at)? else {
                return Ok(());
            };
            let described = self.description.passes.iter().find(|pass| pass.id == id);
            let pass = described.cloned().ok_or_else(|| {
                broken(format!(
                    "due: expected a pass of the description, found `{id}`"
                ))
            })?;
            let batches = inputs::pass(&self.description, &self.context, &pass);
            self.instance
                .begin_pass(&self.at, &id, self.context.samples)?;
            for batch in batches {
                self.instance.absorb(batch.indices(), batch.lend()?)?;
            }
            self.instance.end_pass()?;
            self.passes_run += 1;
        }
        Err(broken(format!(
            "due: expected passes to come to an end, found {MOST_PASSES} at step {}",
            self.at.step
        )))
    }

    /// This rank's part of the batch that a run would give at this step.
    #[must_use]
    pub fn batch(&self) -> Batch {
        let first = self.at.step * BATCH as u64;
        let whole = self.context.global_batch();
        let batch = inputs::batch(&self.description, &self.context, first, whole);
        if self.context.world_size == 1 {
            return batch;
        }
        let own = self.context.rank * self.context.batch_size;
        let own: Vec<i64> = (own..own + self.context.batch_size)
            .map(|n| n as i64)
            .collect();
        batch.rows(&own)
    }

    /// One step on a batch, with no optimiser after it.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn step(&mut self, batch: &Batch) -> Result<StepResult, Broken> {
        Ok(self.try_step(batch).map_err(in_call("step"))?)
    }

    /// As [`Session::step`], with the plugin's own fault.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn try_step(&mut self, batch: &Batch) -> Result<StepResult, Fault> {
        let output = self.instance.step(StepInput {
            at: self.at,
            indices: batch.indices(),
            features: batch.lend()?,
        })?;
        StepResult::imported(output)
    }

    /// What follows a step in a run: the optimiser, `after_update`, the next step's place.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn update(&mut self, stepped: &StepResult) -> Result<(), Broken> {
        if stepped.moved {
            self.refresh()?;
        }
        no_grad(|| -> Result<(), Broken> {
            for ((_, tensor), grad) in self.parameters.iter_mut().zip(&stepped.parameters) {
                if let Some(grad) = grad {
                    let _ = tensor.f_sub_(&(grad * RATE))?;
                }
            }
            Ok(())
        })?;
        let momentum = self.description.momentum;
        let momentum = momentum.map(|m| m.after_step(self.at.step, self.at.steps()));
        self.instance
            .after_update(&self.at, momentum)
            .map_err(in_call("after_update"))?;
        self.at.step += 1;
        Ok(())
    }

    /// One step of training on the run's own batch, through passes that are due.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn train_step(&mut self) -> Result<StepResult, Broken> {
        self.passes()?;
        let batch = self.batch();
        let result = self.step(&batch)?;
        self.update(&result)?;
        Ok(result)
    }

    /// Trains for some steps on the run's own batches, through the starts of epochs; gives back the
    /// losses.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn train(&mut self, steps: u64) -> Result<Vec<f64>, Broken> {
        let mut losses = Vec::new();
        for _ in 0..steps {
            let epoch = self.at.step / self.at.steps_per_epoch.max(1);
            if epoch != self.at.epoch {
                self.begin(epoch)?;
            }
            losses.push(self.train_step()?.loss);
        }
        Ok(losses)
    }

    /// Copies of parameters and state, as a checkpoint holds them.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn saved(&mut self) -> Result<[Named; 2], Broken> {
        Ok([
            copies(self.instance.parameters()?)?,
            copies(self.instance.state()?)?,
        ])
    }

    /// Takes over parameters and state.
    ///
    /// # Errors
    /// The plugin's refusal.
    pub fn load(&mut self, [parameters, state]: &[Named; 2]) -> Result<(), Fault> {
        self.instance.load(offered(parameters)?, offered(state)?)
    }
}

/// A fault's message with the call that it came from.
pub fn in_call(call: &'static str) -> impl Fn(Fault) -> Fault {
    move |mut fault| {
        if !fault.message.contains(call) {
            fault.message = format!("{} (in {call})", fault.message);
        }
        fault
    }
}
