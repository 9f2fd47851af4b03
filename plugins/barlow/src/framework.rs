//! The wiring of a step.

use crate::config::BarlowConfig;
use crate::describe;
use crate::heads::Heads;
use crate::loss::redundancy_reduction;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Fault, TrainStep};

/// Barlow Twins at work.
pub struct BarlowTwins {
    lambda: f64,
    heads: Heads,
    state: (),
    ranks: Ranks,
}

impl Framework for BarlowTwins {
    type Config = BarlowConfig;
    type Heads = Heads;
    type State = ();

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(_config: &BarlowConfig) -> Result<Description, Fault> {
        Ok(describe::description())
    }

    fn start(config: BarlowConfig, start: Start) -> Result<Self, Fault> {
        Ok(Self {
            lambda: config.lambda,
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
        let u_0 = self.heads.embed(views.online(0)?)?;
        let u_1 = self.heads.embed(views.online(1)?)?;
        let loss = redundancy_reduction(u_0, u_1, self.lambda, &self.ranks)?;
        Ok(Loss::new(loss))
    }
}
