//! What a plugin implements.

use crate::context::RunContext;
use crate::description::{Description, Metadata};
use crate::exchange::{EpochPlan, Feature, NamedTensor, StepInput, StepOutput, TrainStep};
use crate::fault::Fault;
use crate::services::SharedServices;
use crate::tensor::FfiTensor;
use serde_json::Value;

/// A framework: who it is, what it asks of the host, how to start it.
pub trait Framework: Sync {
    /// Who it is. Called once per load.
    fn metadata(&self) -> Metadata;

    /// What it asks of the host under a configuration. A pure function; called any number of times.
    ///
    /// # Errors
    /// A configuration fault that names the key, the value and the rule.
    fn describe(&self, config: &Value) -> Result<Description, Fault>;

    /// Starts it. Called once per run.
    ///
    /// # Errors
    /// A configuration that does not fit the context: named key, value and rule.
    fn create(
        &self,
        config: &Value,
        context: RunContext,
        services: SharedServices,
    ) -> Result<Box<dyn Instance>, Fault>;
}

/// What a library that finds its frameworks elsewhere has to say beside them; see [`Hello`](crate::Hello).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Why frameworks that the user asked for are not offered, one sentence each.
    pub refused: Vec<String>,
    /// Why there is none, where that is no fault.
    pub empty: Option<String>,
}

/// A framework at work, in the order in which the host calls it:
///
/// `parameters`, `state`, perhaps `load`; then for each epoch: passes while `due` names one
/// (`begin_pass`, `absorb`…, `end_pass`), `begin_epoch`, and for each batch: passes while `due`
/// names one, `step`, (the optimiser), `after_update`.
pub trait Instance: Send {
    /// The trained parameters: views of the storage, which the host updates in place. The order
    /// stays the same until a call says that parameters moved.
    ///
    /// # Errors
    /// A fault of the plugin's own.
    fn parameters(&mut self) -> Result<Vec<NamedTensor>, Fault>;

    /// Everything else that a resumed run needs: views, read by the host before the next call.
    ///
    /// # Errors
    /// A fault of the plugin's own.
    fn state(&mut self) -> Result<Vec<NamedTensor>, Fault>;

    /// Takes over parameters and state by name; what is not named stays as it is.
    ///
    /// # Errors
    /// A name that does not exist here, or a shape that does not fit; nothing is changed then.
    fn load(&mut self, parameters: Vec<NamedTensor>, state: Vec<NamedTensor>) -> Result<(), Fault>;

    /// The feature pass to run now, if any: asked before each epoch and before each step, again
    /// after each pass, never when the description lists no passes.
    ///
    /// # Errors
    /// A fault of the plugin's own.
    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        let _ = at;
        Ok(None)
    }

    /// Starts the named pass over `samples` samples.
    ///
    /// # Errors
    /// A pass this framework did not ask for.
    fn begin_pass(&mut self, at: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        let _ = (at, samples);
        Err(Fault::unsupported(format!("no feature pass named {id}")))
    }

    /// Takes one batch of a pass: positions in the training set and features, one for each view.
    ///
    /// # Errors
    /// A wrong shape.
    fn absorb(&mut self, indices: FfiTensor, features: Vec<Feature>) -> Result<(), Fault> {
        let _ = (indices, features);
        Err(Fault::unsupported("no feature pass is open"))
    }

    /// Ends the pass.
    ///
    /// # Errors
    /// A fault in what follows it, clustering for instance.
    fn end_pass(&mut self) -> Result<(), Fault> {
        Err(Fault::unsupported("no feature pass is open"))
    }

    /// Starts an epoch.
    ///
    /// # Errors
    /// A fault of the plugin's own.
    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        let _ = at;
        Ok(EpochPlan::default())
    }

    /// One pretext step: loss and gradients.
    ///
    /// # Errors
    /// Wrong shapes, NaN.
    fn step(&mut self, input: StepInput) -> Result<StepOutput, Fault>;

    /// Called after the optimiser with the momentum to apply to target heads.
    ///
    /// # Errors
    /// A fault of the plugin's own.
    fn after_update(&mut self, at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        let _ = (at, momentum);
        Ok(())
    }

    /// The framework's clustering on a given bank, for certification: takes `bank.*` tensors, leaves
    /// the state as an epoch's start does, and returns what the state does not hold
    /// (`assignment.{head}`, `gram`, `centroids.{head}`).
    ///
    /// # Errors
    /// [`Fault::unsupported`] where the framework does not cluster.
    fn cluster(
        &mut self,
        at: &TrainStep,
        bank: Vec<NamedTensor>,
    ) -> Result<Vec<NamedTensor>, Fault> {
        let _ = (at, bank);
        Err(Fault::unsupported("this framework does not cluster"))
    }
}
