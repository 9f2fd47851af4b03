//! The wiring of a step.

use crate::config::VicRegConfig;
use crate::describe;
use crate::heads::Heads;
use crate::loss::{Coefficients, vicreg};
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Fault, TrainStep};

/// VICReg at work.
pub struct VicReg {
    coefficients: Coefficients,
    heads: Heads,
    state: (),
    ranks: Ranks,
}

impl Framework for VicReg {
    type Config = VicRegConfig;
    type Heads = Heads;
    type State = ();

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(_config: &VicRegConfig) -> Result<Description, Fault> {
        Ok(describe::description())
    }

    fn start(config: VicRegConfig, start: Start) -> Result<Self, Fault> {
        Ok(Self {
            coefficients: config.coefficients(),
            heads: Heads::new(&config, &start),
            state: (),
            ranks: start.ranks,
        })
    }

    fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    fn state(&mut self) -> &mut () {
        &mut self.state
    }

    fn loss(&mut self, _moment: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        // One pass per view: batch statistics are each view's own.
        let z_0 = self.heads.projector.forward(views.online(0)?)?;
        let z_1 = self.heads.projector.forward(views.online(1)?)?;
        let loss = vicreg(z_0, z_1, self.coefficients, &self.ranks)?;
        Ok(Loss::new(loss))
    }
}
