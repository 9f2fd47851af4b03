//! Version 3: queries against the keys of the batch, with a predictor.

use crate::loss::in_batch_contrast;
use crate::{IDENTITY, checkpoint};
use ssl_plugin_kit::blocks::{Affine, BlockError, Mlp, MlpBuilder, unit_rows};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    blur, cosine_lr, crop, flip, grayscale, group, jitter, lars, linear_probe, momentum, normalize,
    solarize, warmup,
};

config! {
    /// Keys of version 3.
    pub struct V3Config {
        /// Linear layers of the projector; 1 with v2 is the head of MoCo v1.
        projector_layers: usize = 2, in layers(), from "moco and moco-v3, main_moco.py";
        /// Width of the projector's hidden layers.
        projector_hidden_dim: usize = 4096, in at_least(1), from "moco and moco-v3, main_moco.py";
        /// Width of queries and keys.
        projector_dim: usize = 256, in at_least(1), from "moco and moco-v3, main_moco.py";
        /// Linear layers of the predictor.
        predictor_layers: usize = 2, in layers(), from "arXiv:2104.02057; moco-v3 main_moco.py";
        /// Width of the predictor's hidden layers.
        predictor_hidden_dim: usize = 4096, in at_least(1),
            from "arXiv:2104.02057; moco-v3 main_moco.py";
        /// Whether a batch norm without scale and offset ends the predictor (true for ViT).
        predictor_last_bn: bool = false, in boolean(),
            from "arXiv:2104.02057; moco-v3 main_moco.py";
        /// Temperature of the softmax (0.2 for ViT).
        temperature: f64 = 1.0, in temperature(), from "arXiv:2104.02057; moco-v3 main_moco.py";
        /// Momentum of the key encoder, per step; at the start where it rises (0.996 for 1000 epochs).
        momentum: f64 = 0.99, in fraction(), from "arXiv:2104.02057; moco-v3 main_moco.py";
        /// How the momentum rises to 1.
        momentum_schedule: String = "cosine", in one_of(&["constant", "cosine"]),
            from "moco and moco-v3, main_moco.py";
    }
}

module! {
    /// Version 3 at work.
    pub struct V3 {
        /// Linears without bias, batch norm after each, ReLU between; the last batch norm has neither
        /// scale nor offset.
        pub projector: Mlp,
        /// As the projector, but with nothing after the last Linear unless asked for.
        pub predictor: Mlp,
        /// The key encoder's.
        pub target as "target.projector": Momentum<Mlp>,
        ..
        temperature: f64,
        ranks: Ranks,
    }
}

impl Framework for V3 {
    type Config = V3Config;

    const IDENTITY: Identity = IDENTITY;

    fn describe(config: &V3Config) -> Description {
        let recipe = Recipe {
            groups: vec![GroupRule::exempt_1d()],
            zero_init_residual: true,
            mixed_precision: true,
            ..Recipe::new(
                4096,
                100,
                lars(),
                cosine_lr(0.6, warmup(10.0), Period::Step),
                1e-6,
            )
        };
        let views = vec![view("view 0", 1.0, 0.0), view("view 1", 0.1, 0.2)];
        let encoders = [Encoder::Online, Encoder::Target]
            .map(|encoder| EncoderRequest::pooled(encoder, [0, 1], Grouping::PerView));
        Description {
            // As in version 2: with the momentum of the step that follows.
            momentum: Some(momentum(&config.momentum_schedule, config.momentum, 1)),
            linear: Some(linear_probe(90, 1024, 0.4, 0.0)),
            checkpoint: checkpoint(),
            published: vec![
                Published::linear("100ep", 68.9, "facebookresearch/moco-v3 README"),
                Published::linear("300ep", 72.8, "facebookresearch/moco-v3 README"),
                Published::linear("1000ep", 74.6, "facebookresearch/moco-v3 README"),
            ],
            ..Description::new(views, encoders.into(), recipe)
        }
    }

    fn start(config: V3Config, start: Start) -> Result<Self, Fault> {
        let dim = config.projector_dim;
        let layers = |inputs, hidden, count| {
            let hidden = vec![hidden; count - 1];
            MlpBuilder::new(inputs)
                .hidden(&hidden, false)
                .linear(dim, false)
        };
        let projector = layers(
            start.dim(),
            config.projector_hidden_dim,
            config.projector_layers,
        )
        .batch_norm(Affine::None);
        let mut predictor = layers(dim, config.predictor_hidden_dim, config.predictor_layers);
        if config.predictor_last_bn {
            predictor = predictor.batch_norm(Affine::None);
        }
        let mut random = start.random("heads");
        let copy = projector.build(&mut start.random("target"), &start.device, &start.ranks);
        let mut projector = projector.build(&mut random, &start.device, &start.ranks);
        Ok(Self {
            target: Momentum::of(&mut projector, copy),
            projector,
            predictor: predictor.build(&mut random, &start.device, &start.ranks),
            temperature: config.temperature,
            ranks: start.ranks,
        })
    }

    /// Each view's queries against the other view's keys.
    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        // One pass per view: batch statistics are each view's own.
        let q_0 = self.query(features.online(0)?)?;
        let q_1 = self.query(features.online(1)?)?;
        let k_0 = unit_rows(self.target.forward(features.target(0)?)?);
        let k_1 = unit_rows(self.target.forward(features.target(1)?)?);
        let half = |q, k| in_batch_contrast(q, k, self.temperature, &self.ranks);
        Ok((half(q_0, k_1)? + half(q_1, k_0)?).into())
    }

    fn after_update(&mut self, _at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        self.target.follow(&mut self.projector, momentum);
        Ok(())
    }
}

impl V3 {
    fn query(&mut self, h: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        Ok(unit_rows(
            self.predictor.forward(self.projector.forward(h)?)?,
        ))
    }
}

/// A view: colours between the crop and the flip, as the code orders them.
fn view(name: &str, blurred: f32, solarized: f32) -> ViewGroup {
    let transforms = vec![
        crop(224, [0.2, 1.0], Interpolation::Bilinear),
        jitter(0.8, [0.4, 0.4, 0.2, 0.1]),
        grayscale(),
        blur(blurred),
        solarize(solarized),
        flip(),
        normalize(),
    ];
    group(name, 1, ViewRole::Global, transforms)
}
