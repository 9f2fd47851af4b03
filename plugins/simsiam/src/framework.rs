//! The wiring of a step.

use crate::config::SimSiamConfig;
use crate::describe;
use crate::heads::Heads;
use crate::loss::negative_cosine;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::{Fault, TrainStep};

/// SimSiam at work.
pub struct SimSiam {
    heads: Heads,
    state: (),
}

impl Framework for SimSiam {
    type Config = SimSiamConfig;
    type Heads = Heads;
    type State = ();

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &SimSiamConfig) -> Result<Description, Fault> {
        Ok(describe::description(config))
    }

    fn start(config: SimSiamConfig, start: Start) -> Result<Self, Fault> {
        Ok(Self {
            heads: Heads::new(&config, &start),
            state: (),
        })
    }

    fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    fn state(&mut self) -> &mut () {
        &mut self.state
    }

    fn loss(&mut self, _moment: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        let Heads {
            projector,
            predictor,
        } = &mut self.heads;
        // One pass per view: batch statistics are each view's own.
        let z_0 = projector.forward(views.online(0)?)?;
        let z_1 = projector.forward(views.online(1)?)?;
        let p_0 = predictor.forward(z_0.clone())?;
        let p_1 = predictor.forward(z_1.clone())?;
        Ok(Loss::new(negative_cosine([p_0, p_1], [z_0, z_1])?))
    }
}
