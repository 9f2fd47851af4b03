//! Projector and predictor.

use crate::config::{MocoConfig, Version};
use ssl_plugin_kit::blocks::{Affine, Mlp, MlpBuilder};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module;

module! {
    /// MoCo's trained modules.
    pub struct Heads {
        /// v2: Linears with bias, ReLU between them. v3: Linears without bias, batch norm after
        /// each, ReLU between; the last batch norm has neither scale nor offset.
        pub projector: Mlp,
        /// v3 only: as its projector, but with nothing after the last Linear unless asked for.
        pub predictor: Option<Mlp>,
    }
}

/// The projector's layers on features of width `inputs`; the momentum copy has the same.
pub(crate) fn projector(config: &MocoConfig, inputs: usize) -> MlpBuilder {
    let hidden = vec![config.projector_hidden_dim; config.projector_layers - 1];
    let builder = MlpBuilder::new(inputs);
    match config.version {
        Version::V2 => hidden
            .into_iter()
            .fold(builder, |b, width| b.linear(width, true).relu())
            .linear(config.projector_dim, true),
        Version::V3 => normalized(builder, &hidden, config.projector_dim).batch_norm(Affine::None),
    }
}

/// The predictor's layers, where the version has one.
pub(crate) fn predictor(config: &MocoConfig) -> Option<MlpBuilder> {
    let hidden = vec![config.predictor_hidden_dim?; config.predictor_layers? - 1];
    let dim = config.projector_dim;
    let builder = normalized(MlpBuilder::new(dim), &hidden, dim);
    Some(if config.predictor_last_bn == Some(true) {
        builder.batch_norm(Affine::None)
    } else {
        builder
    })
}

/// Linear, batch norm, ReLU for each hidden width, then a Linear; no biases.
fn normalized(builder: MlpBuilder, hidden: &[usize], outputs: usize) -> MlpBuilder {
    hidden
        .iter()
        .fold(builder, |b, &width| {
            b.linear(width, false).batch_norm(Affine::Full).relu()
        })
        .linear(outputs, false)
}

impl Heads {
    pub(crate) fn new(config: &MocoConfig, start: &Start) -> Self {
        let mut random = start.random("heads");
        let mut new = |b: MlpBuilder| b.build(&mut random, &start.device, &start.ranks);
        Self {
            projector: new(projector(config, start.context.dim())),
            predictor: predictor(config).map(new),
        }
    }
}
