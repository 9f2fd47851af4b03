//! Keys, modules, what is asked of the host, the wiring of a step.

use crate::loss::negative_cosine;
use ssl_plugin_kit::blocks::{Affine, Mlp, MlpBuilder};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    blur, cosine_lr, crop, flip, grayscale, group, jitter, larc, linear_probe, normalize, sgd,
};

config! {
    /// SimSiam's configuration.
    pub struct SimSiamConfig {
        /// Width of the projections; the projector's hidden layers are as wide as the features.
        projector_dim: usize = 2048, in at_least(1),
            from "arXiv:2011.10566 section 3; main_simsiam.py --dim";
        /// Width of the predictor's hidden layer.
        predictor_hidden_dim: usize = 512, in at_least(1),
            from "arXiv:2011.10566 section 3; main_simsiam.py --pred-dim";
        /// Whether the predictor's learning rate stays at its peak while the rest decays.
        constant_predictor_lr: bool = true, in boolean(),
            from "arXiv:2011.10566 table 1; --fix-pred-lr in the README's command";
    }
}

module! {
    /// SimSiam at work.
    pub struct SimSiam {
        /// Three Linears without bias, each with batch norm; the last batch norm has neither scale
        /// nor offset, and no ReLU follows it.
        pub projector: Mlp,
        /// Linear without bias, batch norm, ReLU, Linear with bias.
        pub predictor: Mlp,
    }
}

impl Framework for SimSiam {
    type Config = SimSiamConfig;

    const IDENTITY: Identity = Identity {
        id: "simsiam",
        name: "SimSiam",
        family: Family::Distillation,
        paper: "arXiv:2011.10566",
        year: 2020,
    };

    fn describe(config: &SimSiamConfig) -> Description {
        let transforms = vec![
            crop(224, [0.2, 1.0], Interpolation::Bilinear),
            jitter(0.8, [0.4, 0.4, 0.4, 0.1]),
            grayscale(),
            blur(0.5),
            flip(),
            normalize(),
        ];
        let constant = GroupRule {
            constant_lr: Some(true),
            ..GroupRule::heads(r"^predictor\.")
        };
        let recipe = Recipe {
            // Weight decay on everything, batch norms and biases too: the only rule is the predictor's.
            groups: config
                .constant_predictor_lr
                .then_some(constant)
                .into_iter()
                .collect(),
            zero_init_residual: true,
            ..Recipe::new(512, 100, sgd(), cosine_lr(0.05, None, Period::Epoch), 1e-4)
        };
        let views = vec![group("view", 2, ViewRole::Global, transforms)];
        let encoder = EncoderRequest::pooled(Encoder::Online, [0, 1], Grouping::PerView);
        Description {
            stops_gradient: Some(true),
            linear: Some(LinearRecipe {
                optimizer: larc(),
                ..linear_probe(90, 4096, 1.6, 0.0)
            }),
            checkpoint: CheckpointMap::nested("state_dict")
                .backbone(r"module\.encoder\.")
                // Frozen at its random start, and cancelled by the batch norm that follows.
                .drop(r"module\.encoder\.fc\.6\.bias")
                .head(r"module\.encoder\.fc\.", "projector")
                .head(r"module\.predictor\.", "predictor"),
            published: vec![
                Published::linear("100ep", 68.1, "arXiv:2011.10566"),
                Published::linear("200ep", 70.0, "arXiv:2011.10566"),
                Published::linear("400ep", 70.8, "arXiv:2011.10566"),
                Published::linear("800ep", 71.3, "arXiv:2011.10566"),
                Published::linear("100ep-batch512", 68.1, "facebookresearch/simsiam README"),
                Published::linear("100ep-batch256", 68.3, "facebookresearch/simsiam README"),
            ],
            ..Description::new(views, vec![encoder], recipe)
        }
    }

    fn start(config: SimSiamConfig, start: Start) -> Result<Self, Fault> {
        let (inputs, outputs) = (start.dim(), config.projector_dim);
        let projector = MlpBuilder::new(inputs)
            .hidden(&[inputs, inputs], false)
            .linear(outputs, false)
            .batch_norm(Affine::None);
        let predictor = MlpBuilder::new(outputs)
            .hidden(&[config.predictor_hidden_dim], false)
            .linear(outputs, true);
        let mut random = start.random("heads");
        Ok(Self {
            projector: projector.build(&mut random, &start.device, &start.ranks),
            predictor: predictor.build(&mut random, &start.device, &start.ranks),
        })
    }

    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        // One pass per view: batch statistics are each view's own.
        let z_0 = self.projector.forward(features.online(0)?)?;
        let z_1 = self.projector.forward(features.online(1)?)?;
        let p_0 = self.predictor.forward(z_0.clone())?;
        let p_1 = self.predictor.forward(z_1.clone())?;
        Ok(negative_cosine([p_0, p_1], [z_0, z_1])?.into())
    }
}
