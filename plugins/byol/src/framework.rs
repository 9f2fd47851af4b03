//! The wiring of a step.

use crate::config::ByolConfig;
use crate::describe;
use crate::heads::{Heads, State, build};
use crate::loss::regression;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::module::momentum_update;
use ssl_plugin_kit::{Fault, TrainStep};

/// BYOL at work.
pub struct Byol {
    heads: Heads,
    state: State,
}

impl Framework for Byol {
    type Config = ByolConfig;
    type Heads = Heads;
    type State = State;

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &ByolConfig) -> Result<Description, Fault> {
        Ok(describe::description(config))
    }

    fn start(config: ByolConfig, start: Start) -> Result<Self, Fault> {
        let (heads, state) = build(&config, &start);
        Ok(Self { heads, state })
    }

    fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    fn state(&mut self) -> &mut State {
        &mut self.state
    }

    fn loss(&mut self, _moment: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        let Heads {
            projector,
            predictor,
        } = &mut self.heads;
        // One pass per view: batch statistics are each view's own.
        let p_0 = predictor.forward(projector.forward(views.online(0)?)?)?;
        let p_1 = predictor.forward(projector.forward(views.online(1)?)?)?;
        let target = &mut self.state.target.projector;
        let z_0 = target.forward(views.target(0)?)?;
        let z_1 = target.forward(views.target(1)?)?;
        // The sum of the two directions, not their mean.
        Ok(Loss::new(regression(p_0, z_1) + regression(p_1, z_0)))
    }

    fn after_update(&mut self, _moment: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        if let Some(m) = momentum {
            momentum_update(
                &mut self.heads.projector,
                &mut self.state.target.projector,
                m,
            );
        }
        Ok(())
    }
}
