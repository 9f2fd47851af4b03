//! The wiring of a step.

use crate::config::SimClrConfig;
use crate::describe;
use crate::heads::Heads;
use crate::loss::nt_xent;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::blocks::unit_rows_squared;
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Fault, Tensor, TrainStep};

/// SimCLR at work.
pub struct SimClr {
    config: SimClrConfig,
    heads: Heads,
    state: (),
    ranks: Ranks,
}

impl Framework for SimClr {
    type Config = SimClrConfig;
    type Heads = Heads;
    type State = ();

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(_config: &SimClrConfig) -> Result<Description, Fault> {
        Ok(describe::description())
    }

    fn start(config: SimClrConfig, start: Start) -> Result<Self, Fault> {
        let heads = Heads::new(&config, &start);
        Ok(Self {
            config,
            heads,
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
        let batch = views.batch();
        // Both views are one batch for the batch norm of the head.
        let h = Tensor::cat(views.online_each(0..2)?, 0); // [2·batch, dim]
        let z = unit_rows_squared(self.heads.projector.forward(h)?);
        let (z_0, z_1) = (z.clone().narrow(0, 0, batch), z.narrow(0, batch, batch));
        Ok(Loss::new(nt_xent(
            z_0,
            z_1,
            self.config.temperature,
            &self.ranks,
        )?))
    }
}
