//! The trait itself.

use super::config::Config;
use super::views::Views;
use crate::module::Module;
use crate::random::Random;
use crate::ranks::Ranks;
use burn::tensor::{Device, Tensor};
use ssl_plugin_api::description::{Description, Metadata};
use ssl_plugin_api::{EpochPlan, Fault, Metric, RunContext, TrainStep};

/// What a framework gets when it starts.
pub struct Start {
    /// The circumstances of the run.
    pub context: RunContext,
    /// Where its tensors live.
    pub device: Device,
    /// The other ranks.
    pub ranks: Ranks,
}

impl Start {
    /// The seeded random stream of this purpose.
    #[must_use]
    pub fn random(&self, purpose: &str) -> Random {
        Random::new(self.context.seed, purpose)
    }
}

/// A loss and what to log beside it.
pub struct Loss {
    /// The loss, `[1]`, with its graph.
    pub value: Tensor<1>,
    /// Numbers to log.
    pub metrics: Vec<Metric>,
}

impl Loss {
    /// A loss without further numbers.
    #[must_use]
    pub const fn new(value: Tensor<1>) -> Self {
        Self {
            value,
            metrics: Vec::new(),
        }
    }

    /// Adds a number to log.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.metrics.push(Metric {
            name: name.to_owned(),
            value,
        });
        self
    }
}

/// A feature bank handed over for clustering: tensors by name (`bank.features`, `bank.index`, …).
pub type Bank = Vec<(String, tch::Tensor)>;

/// A tensor of a bank with this number of dimensions, as a copy.
///
/// # Errors
/// [`Fault::shape`] when there is none.
pub fn find_in_bank(bank: &Bank, name: &str, dims: usize) -> Result<tch::Tensor, Fault> {
    bank.iter()
        .find(|(n, tensor)| n == name && tensor.dim() == dims)
        .map(|(_, tensor)| tensor.copy())
        .ok_or_else(|| {
            Fault::shape(format!(
                "expected `{name}` of {dims} dimensions in the bank, found none"
            ))
        })
}

/// A framework, as its author writes it.
///
/// The kit calls `metadata` and `describe` at any time, `start` once per run, then for each epoch
/// `begin_epoch`, and for each step `loss`, (backward and the host's optimiser), `after_update`.
/// Feature passes run whenever `due` names one.
pub trait Framework: Sized + Send + 'static {
    /// Configuration keys.
    type Config: Config;
    /// Modules whose weights the host trains.
    type Heads: Module;
    /// Everything else a resumed run needs: momentum heads, queues, banks.
    type State: Module;

    /// Who the framework is.
    fn metadata() -> Metadata;

    /// What it asks of the host under a configuration.
    ///
    /// # Errors
    /// Keys at odds with each other.
    fn describe(config: &Self::Config) -> Result<Description, Fault>;

    /// Starts it.
    ///
    /// # Errors
    /// A configuration that does not fit the context: key, value and rule.
    fn start(config: Self::Config, start: Start) -> Result<Self, Fault>;

    /// The trained modules.
    fn heads(&mut self) -> &mut Self::Heads;

    /// The state.
    fn state(&mut self) -> &mut Self::State;

    /// One pretext loss. Every tensor of `views.online` and every weight of the heads is a leaf;
    /// the kit runs backward afterwards. State may change here.
    ///
    /// # Errors
    /// Wrong shapes, a batch the framework cannot use.
    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Loss, Fault>;

    /// Called after the host's optimiser with the momentum for target heads.
    ///
    /// # Errors
    /// A fault of the framework's own.
    fn after_update(&mut self, at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        let _ = (at, momentum);
        Ok(())
    }

    /// Starts an epoch.
    ///
    /// # Errors
    /// A fault of the framework's own.
    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        let _ = at;
        Ok(EpochPlan::default())
    }

    /// The feature pass to run now, if any.
    ///
    /// # Errors
    /// A fault of the framework's own.
    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        let _ = at;
        Ok(None)
    }

    /// Starts the named pass over `samples` samples.
    ///
    /// # Errors
    /// A pass the framework did not ask for.
    fn begin_pass(&mut self, at: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        let _ = (at, samples);
        Err(Fault::unsupported(format!("no feature pass named {id}")))
    }

    /// Takes one batch of a pass; features as plain tensors in [`Views`].
    ///
    /// # Errors
    /// A wrong shape.
    fn absorb(&mut self, views: &Views) -> Result<(), Fault> {
        let _ = views;
        Err(Fault::unsupported("no feature pass is open"))
    }

    /// Ends the pass.
    ///
    /// # Errors
    /// A fault in what follows it.
    fn end_pass(&mut self) -> Result<(), Fault> {
        Err(Fault::unsupported("no feature pass is open"))
    }

    /// The framework's clustering on a given bank, for certification; see
    /// [`ssl_plugin_api::export::Instance::cluster`].
    ///
    /// # Errors
    /// [`Fault::unsupported`] where the framework does not cluster.
    fn cluster(&mut self, at: &TrainStep, bank: Bank) -> Result<Bank, Fault> {
        let _ = (at, bank);
        Err(Fault::unsupported("this framework does not cluster"))
    }
}
