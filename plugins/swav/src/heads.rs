//! Projector and prototypes.

use crate::config::SwavConfig;
use ssl_plugin_kit::blocks::{Init, Linear, UnitProjector};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module;

module! {
    /// SwAV's trained modules.
    pub struct Heads {
        /// Linear, batch norm, ReLU, Linear, rows of unit length.
        pub projector: UnitProjector,
        /// `[num_prototypes, projector_dim]`, no bias.
        pub prototypes: Linear,
    }
}

impl Heads {
    pub(crate) fn new(config: &SwavConfig, start: &Start) -> Self {
        let mut random = start.random("heads");
        let projector = UnitProjector::new(
            [
                start.context.dim(),
                config.projector_hidden_dim,
                config.projector_dim,
            ],
            &mut random,
            &start.device,
            &start.ranks,
        );
        let prototypes = Linear::new(
            config.projector_dim,
            config.num_prototypes,
            false,
            Init::Torch,
            &mut random,
            &start.device,
        );
        Self {
            projector,
            prototypes,
        }
    }
}
