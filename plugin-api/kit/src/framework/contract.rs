//! The trait itself.

use super::config::Config;
use super::features::Features;
use super::step::{Loss, Start};
use crate::module::{Module, NamedTensors};
use ssl_plugin_api::description::{Description, Family};
use ssl_plugin_api::{EpochPlan, Fault, TrainStep};

/// Who a framework is. Version and licence are those of the library's package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Stable kebab-case id, for instance `simclr`.
    pub id: &'static str,
    /// The paper's name, for instance `SimCLR`.
    pub name: &'static str,
    /// Its family.
    pub family: Family,
    /// Where it was published, for instance `arXiv:2002.05709`.
    pub paper: &'static str,
    /// Year of first publication.
    pub year: u16,
}

/// A framework, as its author writes it: a [`module!`](crate::module!) that says what it asks of the
/// host, how it starts, and what the loss of a step is.
///
/// The weights that the module shows are the trained parameters, its buffers are the state that a
/// resumed run needs.
///
/// The host asks for `describe` at any time and for `start` once a run. For each epoch it calls
/// `begin_epoch`, for each step `loss` and, after its optimiser, `after_update`. A feature pass over
/// the training set (`begin_pass`, `absorb`, `end_pass`) runs whenever `due` names one.
pub trait Framework: Module + Sized + Send + 'static {
    /// Configuration keys; declared with [`config!`](crate::config!).
    type Config: Config;

    /// Who the framework is.
    const IDENTITY: Identity;

    /// What it asks of the host under a configuration.
    fn describe(config: &Self::Config) -> Description;

    /// Starts it.
    ///
    /// # Errors
    /// A configuration that does not fit the context: key, value and rule.
    fn start(config: Self::Config, start: Start) -> Result<Self, Fault>;

    /// One pretext loss. Every feature of the trained encoder and every weight is a leaf of the graph;
    /// the kit runs backward afterwards. State may change here.
    ///
    /// # Errors
    /// Wrong shapes, a batch the framework cannot use.
    fn loss(&mut self, at: &TrainStep, features: &Features) -> Result<Loss, Fault>;

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

    /// The feature pass of the description that is to run now, if any. Asked before each epoch and
    /// each step, and again after each pass.
    fn due(&mut self, at: &TrainStep) -> Option<&'static str> {
        let _ = at;
        None
    }

    /// Starts a pass of the description over `samples` samples.
    ///
    /// # Errors
    /// A fault of the framework's own.
    fn begin_pass(&mut self, at: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        let _ = (at, id, samples);
        Ok(())
    }

    /// Takes one batch of the open pass; no feature is a leaf.
    ///
    /// # Errors
    /// A wrong shape.
    fn absorb(&mut self, features: &Features) -> Result<(), Fault> {
        let _ = features;
        Ok(())
    }

    /// Ends the open pass.
    ///
    /// # Errors
    /// A fault in what follows it.
    fn end_pass(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    /// The framework's clustering on a given bank of features, for certification; see
    /// [`ssl_plugin_api::export::Instance::cluster`].
    ///
    /// # Errors
    /// [`Fault::unsupported`] where the framework does not cluster.
    fn cluster(&mut self, at: &TrainStep, bank: NamedTensors) -> Result<NamedTensors, Fault> {
        let _ = (at, bank);
        Err(Fault::unsupported("this framework does not cluster"))
    }
}
