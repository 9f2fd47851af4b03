//! The head, which student and teacher both have.

use crate::config::DinoConfig;
use ssl_plugin_kit::blocks::{
    Affine, BlockError, Init, Mlp, MlpBuilder, WeightNormLinear, unit_rows,
};
use ssl_plugin_kit::prelude::*;

/// Standard deviation of fresh weights, and the limit beyond which they are drawn again.
const INIT: Init = Init::TruncatedNormal {
    std: 0.02,
    limit: 2.0,
};

module! {
    /// DINO's head: the student's is trained, the teacher's follows.
    pub struct Head {
        /// Linears with bias, GELU between them, batch norm before each GELU where asked for.
        pub projector: Mlp,
        /// `[out_dim, bottleneck_dim]`, weight-normalised, no bias.
        pub last_layer: WeightNormLinear,
    }
}

impl Head {
    pub(crate) fn new(config: &DinoConfig, start: &Start, purpose: &str) -> Self {
        let projector = MlpBuilder::new(start.dim())
            .repeat(config.projector_layers - 1, |mlp| {
                let mlp = mlp.linear(config.projector_hidden_dim, true);
                if config.projector_bn {
                    mlp.batch_norm(Affine::Full).gelu()
                } else {
                    mlp.gelu()
                }
            })
            .linear(config.bottleneck_dim, true)
            .init(INIT);
        let mut random = start.random(purpose);
        Self {
            projector: projector.build(&mut random, &start.device, &start.ranks),
            last_layer: WeightNormLinear::new(
                config.bottleneck_dim,
                config.out_dim,
                config.norm_last_layer,
                &mut random,
                &start.device,
            ),
        }
    }

    /// Logits of several views in one pass, so that batch statistics are those of all of them.
    ///
    /// # Shapes
    /// - `views`: each `[batch, dim]`
    /// - returns `[views · batch, out_dim]`, view by view
    pub(crate) fn forward(&mut self, views: Vec<Tensor<2>>) -> Result<Tensor<2>, BlockError> {
        let z = self.projector.forward(Tensor::cat(views, 0))?;
        self.last_layer.forward(unit_rows(z))
    }
}
