//! Frameworks that cluster between epochs, in versions behind one name.

use std::marker::PhantomData;

use super::{Bank, Config, Framework, Loss, Start, Views};
use crate::api::description::{Description, Metadata};
use crate::module::{Module, Path, Visitor};
use crate::{EpochPlan, Fault, Tensor, TrainStep};

/// One version at work. Weights and state stand under one set of names: buffers are the state.
pub trait Version: Module + Send {
    /// Name of the feature pass that it asks for.
    fn pass(&self) -> &'static str;

    /// The pretext loss; see [`Framework::loss`].
    ///
    /// # Errors
    /// Wrong shapes, samples without labels.
    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Tensor<1>, Fault>;

    /// Whether its pass is to run now.
    fn is_due(&mut self, at: &TrainStep) -> bool;

    /// Starts the pass.
    fn begin_pass(&mut self, at: &TrainStep);

    /// Takes one batch of the pass.
    ///
    /// # Errors
    /// A wrong shape, no open pass.
    fn absorb(&mut self, views: &Views) -> Result<(), Fault>;

    /// Ends the pass.
    ///
    /// # Errors
    /// No open pass, a fault in what follows it.
    fn end_pass(&mut self) -> Result<(), Fault>;

    /// Starts an epoch; see [`Framework::begin_epoch`].
    ///
    /// # Errors
    /// No labels to start with.
    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        let _ = at;
        Ok(EpochPlan::default())
    }

    /// Clusters a given bank, for certification; see [`Framework::cluster`].
    ///
    /// # Errors
    /// Tensors that are missing or have other shapes.
    fn cluster(&mut self, at: &TrainStep, bank: Bank) -> Result<Bank, Fault>;
}

impl Module for Box<dyn Version> {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        (**self).visit(path, visitor);
    }
}

/// What versions have in common, and which one a configuration means.
pub trait Versions: 'static {
    /// Configuration keys, by version.
    type Config: Config;

    /// Who the framework is.
    fn metadata() -> Metadata;

    /// What it asks of the host under a configuration.
    fn describe(config: &Self::Config) -> Description;

    /// Starts the version that the configuration names.
    ///
    /// # Errors
    /// As [`Framework::start`].
    fn start(config: Self::Config, start: Start) -> Result<Box<dyn Version>, Fault>;
}

/// All versions as one framework.
pub struct Versioned<V> {
    version: Box<dyn Version>,
    /// The version's buffers are the state.
    state: (),
    versions: PhantomData<fn() -> V>,
}

impl<V: Versions> Framework for Versioned<V> {
    type Config = V::Config;
    type Heads = Box<dyn Version>;
    type State = ();

    fn metadata() -> Metadata {
        V::metadata()
    }

    fn describe(config: &V::Config) -> Result<Description, Fault> {
        Ok(V::describe(config))
    }

    fn start(config: V::Config, start: Start) -> Result<Self, Fault> {
        Ok(Self {
            version: V::start(config, start)?,
            state: (),
            versions: PhantomData,
        })
    }

    fn heads(&mut self) -> &mut Box<dyn Version> {
        &mut self.version
    }

    fn state(&mut self) -> &mut () {
        &mut self.state
    }

    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        self.version.loss(at, views).map(Loss::new)
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        self.version.begin_epoch(at)
    }

    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        let due = self.version.is_due(at);
        Ok(due.then(|| self.version.pass().to_owned()))
    }

    fn begin_pass(&mut self, at: &TrainStep, id: &str, _samples: usize) -> Result<(), Fault> {
        if id != self.version.pass() {
            return Err(Fault::unsupported(format!(
                "expected the feature pass {}, found {id}",
                self.version.pass()
            )));
        }
        self.version.begin_pass(at);
        Ok(())
    }

    fn absorb(&mut self, views: &Views) -> Result<(), Fault> {
        self.version.absorb(views)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        self.version.end_pass()
    }

    fn cluster(&mut self, at: &TrainStep, bank: Bank) -> Result<Bank, Fault> {
        self.version.cluster(at, bank)
    }
}
