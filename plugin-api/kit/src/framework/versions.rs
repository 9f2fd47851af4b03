//! Frameworks that cluster between epochs, in versions behind one name.

use std::marker::PhantomData;

use super::{Bank, Config, Framework, Loss, Start, Views};
use crate::api::description::{Card, Description};
use crate::module::{Module, Path, Visitor};
use crate::{EpochPlan, Fault, Moment, Tensor};

/// One version at work. Weights and state stand under one set of names: buffers are the state.
pub trait Version: Module + Send {
    /// Name of the feature pass that it asks for.
    fn pass(&self) -> &'static str;

    /// The pretext loss; see [`Framework::loss`].
    ///
    /// # Errors
    /// Wrong shapes, samples without labels.
    fn loss(&mut self, moment: &Moment, views: &Views) -> Result<Tensor<1>, Fault>;

    /// Whether its pass is to run now.
    fn is_due(&mut self, moment: &Moment) -> bool;

    /// Starts the pass.
    fn begin_pass(&mut self, moment: &Moment);

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
    fn begin_epoch(&mut self, moment: &Moment) -> Result<EpochPlan, Fault> {
        let _ = moment;
        Ok(EpochPlan::default())
    }

    /// Clusters a given bank, for certification; see [`Framework::cluster`].
    ///
    /// # Errors
    /// Tensors that are missing or have other shapes.
    fn cluster(&mut self, moment: &Moment, bank: Bank) -> Result<Bank, Fault>;
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
    fn card() -> Card;

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

    fn card() -> Card {
        V::card()
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

    fn loss(&mut self, moment: &Moment, views: &Views) -> Result<Loss, Fault> {
        self.version.loss(moment, views).map(Loss::new)
    }

    fn begin_epoch(&mut self, moment: &Moment) -> Result<EpochPlan, Fault> {
        self.version.begin_epoch(moment)
    }

    fn due(&mut self, moment: &Moment) -> Result<Option<String>, Fault> {
        let due = self.version.is_due(moment);
        Ok(due.then(|| self.version.pass().to_owned()))
    }

    fn begin_pass(&mut self, moment: &Moment, id: &str, _samples: usize) -> Result<(), Fault> {
        if id != self.version.pass() {
            return Err(Fault::unsupported(format!(
                "expected the feature pass {}, found {id}",
                self.version.pass()
            )));
        }
        self.version.begin_pass(moment);
        Ok(())
    }

    fn absorb(&mut self, views: &Views) -> Result<(), Fault> {
        self.version.absorb(views)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        self.version.end_pass()
    }

    fn cluster(&mut self, moment: &Moment, bank: Bank) -> Result<Bank, Fault> {
        self.version.cluster(moment, bank)
    }
}
