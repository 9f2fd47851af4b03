//! Version 2: queries against a queue of keys.

use crate::{IDENTITY, checkpoint};
use ssl_plugin_kit::blocks::{KeyQueue, Mlp, unit_rows};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{momentum, momentum_contrast_description, momentum_contrast_heads};

config! {
    /// Keys of version 2.
    pub struct V2Config {
        /// Linear layers of the projector; 1 with v2 is the head of MoCo v1.
        projector_layers: usize = 2, in layers(), from "moco and moco-v3, main_moco.py";
        /// Width of the projector's hidden layers.
        projector_hidden_dim: usize = 2048, in at_least(1), from "moco and moco-v3, main_moco.py";
        /// Width of queries and keys.
        projector_dim: usize = 128, in at_least(1), from "moco and moco-v3, main_moco.py";
        /// Keys in the queue, a multiple of the global batch.
        queue_size: usize = 65536, in at_least(1), from "arXiv:2003.04297; moco main_moco.py";
        /// Temperature of the softmax (0.07 in v1).
        temperature: f64 = 0.2, in temperature(), from "arXiv:2003.04297; moco main_moco.py";
        /// Momentum of the key encoder, per step.
        momentum: f64 = 0.999, in fraction(), from "arXiv:2003.04297; moco main_moco.py";
        /// How the momentum rises to 1.
        momentum_schedule: String = "constant", in one_of(&["constant", "cosine"]),
            from "moco and moco-v3, main_moco.py";
    }
}

module! {
    /// Version 2 at work.
    pub struct V2 {
        /// Linears with bias, ReLU between them.
        pub projector: Mlp,
        /// Keys of earlier batches.
        pub keys as "": KeyQueue,
        /// The key encoder's.
        pub target as "target.projector": Momentum<Mlp>,
        ..
        temperature: f64,
    }
}

impl Framework for V2 {
    type Config = V2Config;

    const IDENTITY: Identity = IDENTITY;

    fn describe(config: &V2Config) -> Description {
        // The official code averages at the start of a step; the host does it after the optimiser, with
        // the momentum of the step that follows.
        let momentum = momentum(&config.momentum_schedule, config.momentum, 1);
        Description {
            checkpoint: checkpoint(),
            published: vec![
                Published::linear("200ep", 67.5, "arXiv:2003.04297"),
                Published::linear("800ep", 71.1, "arXiv:2003.04297"),
            ],
            ..momentum_contrast_description(momentum, 30.0)
        }
    }

    fn start(config: V2Config, start: Start) -> Result<Self, Fault> {
        let (projector, target) = momentum_contrast_heads(
            config.projector_layers,
            config.projector_hidden_dim,
            config.projector_dim,
            &start,
        );
        Ok(Self {
            projector,
            target,
            keys: KeyQueue::new(config.queue_size, config.projector_dim, &start)?,
            temperature: config.temperature,
        })
    }

    /// Queries of view 0 against keys of view 1, which join the queue afterwards.
    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let q = unit_rows(self.projector.forward(features.online(0)?)?);
        let k = unit_rows(self.target.forward(features.target(1)?)?);
        Ok(self.keys.contrast(q, k, self.temperature)?.into())
    }

    fn after_update(&mut self, _at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        self.target.follow(&mut self.projector, momentum);
        Ok(())
    }
}
