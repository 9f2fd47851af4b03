//! The projector.

use crate::config::SimClrConfig;
use ssl_plugin_kit::blocks::{Affine, Init, Mlp, MlpBuilder};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module;

module! {
    /// SimCLR's trained modules.
    pub struct Heads {
        /// Linear without bias, batch norm, ReLU; no ReLU after the last layer, whose batch norm
        /// has a scale but no offset.
        pub projector: Mlp,
    }
}

impl Heads {
    /// The projector for this context: `dim → hidden → … → out`, weights N(0, 0.01²).
    pub(crate) fn new(config: &SimClrConfig, start: &Start) -> Self {
        let mut builder = MlpBuilder::new(start.context.dim()).init(Init::Normal(0.01));
        for _ in 1..config.projector_layers {
            builder = builder
                .linear(config.projector_hidden_dim, false)
                .batch_norm(Affine::Full)
                .relu();
        }
        let builder = builder
            .linear(config.projector_dim, false)
            .batch_norm(Affine::Scale);
        Self {
            projector: builder.build(&mut start.random("heads"), &start.device, &start.ranks),
        }
    }
}
