//! Projector and predictor.

use crate::config::SimSiamConfig;
use ssl_plugin_kit::blocks::{Affine, Mlp, MlpBuilder};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module;

module! {
    /// SimSiam's trained modules.
    pub struct Heads {
        /// Three Linears without bias, each with batch norm; the last batch norm has neither scale
        /// nor offset, and no ReLU follows it.
        pub projector: Mlp,
        /// Linear without bias, batch norm, ReLU, Linear with bias.
        pub predictor: Mlp,
    }
}

impl Heads {
    /// The heads for this context: hidden layers of the projector keep the width of the features.
    pub(crate) fn new(config: &SimSiamConfig, start: &Start) -> Self {
        let width = start.context.dim();
        let projector = MlpBuilder::new(width)
            .linear(width, false)
            .batch_norm(Affine::Full)
            .relu()
            .linear(width, false)
            .batch_norm(Affine::Full)
            .relu()
            .linear(config.projector_dim, false)
            .batch_norm(Affine::None);
        let predictor = MlpBuilder::new(config.projector_dim)
            .linear(config.predictor_hidden_dim, false)
            .batch_norm(Affine::Full)
            .relu()
            .linear(config.projector_dim, true);
        let mut random = start.random("heads");
        let mut new = |head: &MlpBuilder| head.build(&mut random, &start.device, &start.ranks);
        Self {
            projector: new(&projector),
            predictor: new(&predictor),
        }
    }
}
