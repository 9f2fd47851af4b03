//! The head, which student and teacher both have, and the state.

use crate::center::Center;
use crate::config::DinoConfig;
use ssl_plugin_kit::blocks::{
    Affine, BlockError, Init, Mlp, MlpBuilder, WeightNormLinear, unit_rows,
};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module::{Buffer, copy_weights};
use ssl_plugin_kit::{Tensor, module};

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

module! {
    /// DINO's state.
    pub struct State {
        /// What is taken off the teacher's logits.
        pub center: Center,
        /// The teacher's head.
        pub target: Head,
    }
}

/// The projector's layers on features of width `inputs`.
fn projector(config: &DinoConfig, inputs: usize) -> MlpBuilder {
    (1..config.projector_layers)
        .fold(MlpBuilder::new(inputs), |layers, _| {
            let layers = layers.linear(config.projector_hidden_dim, true);
            if config.projector_bn {
                layers.batch_norm(Affine::Full).gelu()
            } else {
                layers.gelu()
            }
        })
        .linear(config.bottleneck_dim, true)
        .init(INIT)
}

impl Head {
    fn new(config: &DinoConfig, start: &Start, purpose: &str) -> Self {
        let mut random = start.random(purpose);
        Self {
            projector: projector(config, start.context.dim()).build(
                &mut random,
                &start.device,
                &start.ranks,
            ),
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
    /// - returns as many `[batch, out_dim]`
    pub(crate) fn forward(&mut self, views: Vec<Tensor<2>>) -> Result<Vec<Tensor<2>>, BlockError> {
        let count = views.len();
        let z = self.projector.forward(Tensor::cat(views, 0))?;
        let logits = self.last_layer.forward(unit_rows(z))?; // [count·batch, out_dim]
        Ok(logits.chunk(count, 0))
    }
}

/// The student's head, and the state with its copy as the teacher's.
pub(crate) fn build(config: &DinoConfig, start: &Start) -> (Head, State) {
    let mut student = Head::new(config, start, "heads");
    let mut teacher = Head::new(config, start, "target");
    copy_weights(&mut student, &mut teacher);
    let zeros = Tensor::zeros([1, config.out_dim], &start.device);
    let center = Center(Buffer::new(zeros));
    (
        student,
        State {
            center,
            target: teacher,
        },
    )
}
