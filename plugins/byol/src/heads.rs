//! Projector, predictor, and the projector's momentum copy.

use crate::config::ByolConfig;
use ssl_plugin_kit::blocks::{Affine, Init, Mlp, MlpBuilder};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module;
use ssl_plugin_kit::module::copy_weights;

module! {
    /// BYOL's trained modules.
    pub struct Heads {
        /// Of both networks.
        pub projector: Mlp,
        /// Of the online network alone.
        pub predictor: Mlp,
    }
}

module! {
    /// The target network's head.
    pub struct Target {
        /// Exponential average of the online projector.
        pub projector: Mlp,
    }
}

module! {
    /// BYOL's state.
    pub struct State {
        /// The target network's head.
        pub target: Target,
    }
}

/// Linear with bias, batch norm, ReLU, Linear without bias.
fn mlp(inputs: usize, hidden: usize, outputs: usize) -> MlpBuilder {
    MlpBuilder::new(inputs)
        .linear(hidden, true)
        .batch_norm(Affine::Full)
        .relu()
        .linear(outputs, false)
        .init(Init::FanIn)
}

/// Heads and their momentum copy, which starts equal.
pub(crate) fn build(config: &ByolConfig, start: &Start) -> (Heads, State) {
    let projector = mlp(
        start.context.dim(),
        config.projector_hidden_dim,
        config.projector_dim,
    );
    let predictor = mlp(
        config.projector_dim,
        config.predictor_hidden_dim,
        config.projector_dim,
    );
    let mut random = start.random("heads");
    let mut new = |builder: &MlpBuilder| builder.build(&mut random, &start.device, &start.ranks);
    let mut heads = Heads {
        projector: new(&projector),
        predictor: new(&predictor),
    };
    let mut copy = new(&projector);
    copy_weights(&mut heads.projector, &mut copy);
    (
        heads,
        State {
            target: Target { projector: copy },
        },
    )
}
