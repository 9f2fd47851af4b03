//! The projector.

use crate::config::PclConfig;
use ssl_plugin_kit::blocks::{BlockError, Mlp, MlpBuilder, unit_rows};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::{Tensor, module};

module! {
    /// PCL's trained modules; the key encoder has the same.
    pub struct Heads {
        /// Linears with bias, ReLU between them.
        pub projector: Mlp,
    }
}

impl Heads {
    pub(crate) fn new(config: &PclConfig, start: &Start, purpose: &str) -> Self {
        let projector = (1..config.projector_layers)
            .fold(MlpBuilder::new(start.context.dim()), |layers, _| {
                layers.linear(config.projector_hidden_dim, true).relu()
            })
            .linear(config.projector_dim, true)
            .build(&mut start.random(purpose), &start.device, &start.ranks);
        Self { projector }
    }

    /// Unit projections in training mode, `[batch, projector_dim]`.
    pub(crate) fn project(&mut self, h: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        Ok(unit_rows(self.projector.forward(h)?))
    }

    /// Unit projections in eval mode, `[batch, projector_dim]`.
    pub(crate) fn project_eval(&self, h: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        Ok(unit_rows(self.projector.forward_eval(h)?))
    }
}
