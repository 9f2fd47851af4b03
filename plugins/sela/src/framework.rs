//! The kit's trait, handed on to the version.

use crate::config::SelaConfig;
use crate::describe;
use crate::v1::V1;
use crate::v2::V2;
use ssl_plugin_kit::api::description::{Card, Description};
use ssl_plugin_kit::framework::{Bank, Framework, Loss, Start, Views};
use ssl_plugin_kit::module::{Module, Path, Visitor};
use ssl_plugin_kit::{EpochPlan, Fault, Moment};

/// Weights and state of a version, under one set of names.
pub enum Parts {
    /// Version 2.
    V2(Box<V2>),
    /// Version 1.
    V1(Box<V1>),
}

impl Module for Parts {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        match self {
            Self::V2(parts) => parts.visit(path, visitor),
            Self::V1(parts) => parts.visit(path, visitor),
        }
    }
}

/// SeLa at work.
pub struct Sela {
    parts: Parts,
    /// The parts' buffers are the state.
    state: (),
}

impl Framework for Sela {
    type Config = SelaConfig;
    type Heads = Parts;
    type State = ();

    fn card() -> Card {
        describe::card()
    }

    fn describe(config: &SelaConfig) -> Result<Description, Fault> {
        Ok(describe::description(config))
    }

    fn start(config: SelaConfig, start: Start) -> Result<Self, Fault> {
        let parts = match config {
            SelaConfig::V2(config) => Parts::V2(Box::new(V2::new(config, start)?)),
            SelaConfig::V1(config) => Parts::V1(Box::new(V1::new(config, start)?)),
        };
        Ok(Self { parts, state: () })
    }

    fn heads(&mut self) -> &mut Parts {
        &mut self.parts
    }

    fn state(&mut self) -> &mut () {
        &mut self.state
    }

    fn loss(&mut self, moment: &Moment, views: &Views) -> Result<Loss, Fault> {
        let loss = match &mut self.parts {
            Parts::V2(v2) => v2.loss(moment, views)?,
            Parts::V1(v1) => v1.loss(views)?,
        };
        Ok(Loss::new(loss))
    }

    fn due(&mut self, moment: &Moment) -> Result<Option<String>, Fault> {
        Ok(match &mut self.parts {
            Parts::V2(v2) => v2.due(moment),
            Parts::V1(v1) => v1.due(moment),
        })
    }

    fn begin_pass(&mut self, moment: &Moment, id: &str, _samples: usize) -> Result<(), Fault> {
        match &mut self.parts {
            Parts::V2(v2) if id == describe::MEMORY => v2.memory.begin_pass(),
            Parts::V1(v1) if id == describe::LABELS => v1.begin_pass(moment),
            _ => return Err(Fault::unsupported(format!("no feature pass named {id}"))),
        }
        Ok(())
    }

    fn absorb(&mut self, views: &Views) -> Result<(), Fault> {
        match &mut self.parts {
            Parts::V2(v2) => v2.absorb(views),
            Parts::V1(v1) => v1.absorb(views),
        }
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        match &mut self.parts {
            Parts::V2(v2) => v2.memory.end_pass(),
            Parts::V1(v1) => v1.end_pass()?,
        }
        Ok(())
    }

    fn begin_epoch(&mut self, moment: &Moment) -> Result<EpochPlan, Fault> {
        match &mut self.parts {
            Parts::V2(v2) => v2.begin_epoch(moment)?,
            Parts::V1(_) => {}
        }
        Ok(EpochPlan::default())
    }

    fn cluster(&mut self, _moment: &Moment, bank: Bank) -> Result<Bank, Fault> {
        match &mut self.parts {
            Parts::V2(v2) => v2.cluster_given(&bank),
            Parts::V1(v1) => v1.cluster_given(&bank),
        }
    }
}
