//! The projector, which the paper calls expander.

use crate::config::VicRegConfig;
use ssl_plugin_kit::blocks::{Affine, Mlp, MlpBuilder};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module;

module! {
    /// VICReg's trained modules.
    pub struct Heads {
        /// Linear, batch norm, ReLU, …, and a last Linear. The last one has no bias, the others
        /// have, although the batch norm cancels it: its gradient is zero.
        pub projector: Mlp,
    }
}

impl Heads {
    pub(crate) fn new(config: &VicRegConfig, start: &Start) -> Self {
        let mut projector = MlpBuilder::new(start.context.dim());
        for (n, &width) in config.projector_dims.iter().enumerate() {
            let last = n + 1 == config.projector_dims.len();
            projector = projector.linear(width, !last);
            if !last {
                projector = projector.batch_norm(Affine::Full).relu();
            }
        }
        let mut random = start.random("heads");
        Self {
            projector: projector.build(&mut random, &start.device, &start.ranks),
        }
    }
}
