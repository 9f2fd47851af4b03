//! Keys, modules, what is asked of the host, the wiring of a step.

use crate::loss::regression;
use ssl_plugin_kit::blocks::{Init, Mlp, MlpBuilder};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    cosine_lr, crop, flip, grayscale, group, lars, linear_probe, momentum, normalize, warmup,
};

config! {
    /// BYOL's configuration.
    pub struct ByolConfig {
        /// Width of the projector's hidden layer.
        projector_hidden_dim: usize = 4096, in at_least(1), from "arXiv:2006.07733 section 3.3";
        /// Width of the projections.
        projector_dim: usize = 256, in at_least(1), from "arXiv:2006.07733 section 3.3";
        /// Width of the predictor's hidden layer.
        predictor_hidden_dim: usize = 4096, in at_least(1), from "arXiv:2006.07733 section 3.3";
        /// Momentum of the target network at the start, per step (0.99 for 100 and 300 epochs).
        momentum: f64 = 0.996, in fraction(), from "arXiv:2006.07733 section 3.3";
        /// How the momentum rises to 1.
        momentum_schedule: String = "cosine", in one_of(&["cosine", "constant"]),
            from "arXiv:2006.07733 section 3.3";
    }
}

module! {
    /// BYOL at work. All modules are a Linear with bias, batch norm, ReLU, a Linear without bias.
    pub struct Byol {
        /// Of the online network.
        pub projector: Mlp,
        /// Of the online network.
        pub predictor: Mlp,
        /// The target network's: an exponential average of the online projector.
        pub target as "target.projector": Momentum<Mlp>,
    }
}

impl Framework for Byol {
    type Config = ByolConfig;

    const IDENTITY: Identity = Identity {
        id: "byol",
        name: "BYOL",
        family: Family::Distillation,
        paper: "arXiv:2006.07733",
        year: 2020,
    };

    fn describe(config: &ByolConfig) -> Description {
        let recipe = Recipe {
            groups: vec![GroupRule::exempt_1d()],
            zero_init_residual: true,
            ..Recipe::new(
                4096,
                1000,
                lars(),
                cosine_lr(0.2, warmup(10.0), Period::Step),
                1.5e-6,
            )
        };
        let views = vec![view("view 0", 1.0, 0.0), view("view 1", 0.1, 0.2)];
        let encoders = [Encoder::Online, Encoder::Target]
            .map(|encoder| EncoderRequest::pooled(encoder, [0, 1], Grouping::PerView));
        Description {
            // Applied after the optimiser, with the step just done.
            momentum: Some(momentum(&config.momentum_schedule, config.momentum, 0)),
            linear: Some(LinearRecipe {
                optimizer: Optimizer::Sgd {
                    momentum: 0.9,
                    nesterov: true,
                },
                schedule: LinearSchedule::Cosine { per: Period::Step },
                ..linear_probe(80, 1024, 0.8, 0.0)
            }),
            // The JAX checkpoint is converted first; these are the converted names.
            checkpoint: CheckpointMap::nested("state_dict")
                .backbone(r"(?:module\.|backbone\.)?")
                .target_backbone(r"target\.")
                .head(r"projector\.", "projector")
                .head(r"predictor\.", "predictor")
                .target_head(r"target\.projector\.", "projector")
                .drop(r"(?:fc|classifier)\..+"),
            published: vec![
                Published::linear("1000ep", 74.3, "arXiv:2006.07733"),
                Published::linear("300ep", 72.5, "arXiv:2006.07733"),
                Published::linear(
                    "pretrain_res50x1.pkl",
                    74.4,
                    "google-deepmind/deepmind-research byol README",
                ),
            ],
            ..Description::new(views, encoders.into(), recipe)
        }
    }

    fn start(config: ByolConfig, start: Start) -> Result<Self, Fault> {
        let outputs = config.projector_dim;
        let mut random = start.random("heads");
        let mut new = |inputs, hidden| {
            let mlp = MlpBuilder::new(inputs).hidden(&[hidden], true);
            let mlp = mlp.linear(outputs, false).init(Init::FanIn);
            mlp.build(&mut random, &start.device, &start.ranks)
        };
        let mut projector = new(start.dim(), config.projector_hidden_dim);
        let predictor = new(outputs, config.predictor_hidden_dim);
        let copy = new(start.dim(), config.projector_hidden_dim);
        Ok(Self {
            target: Momentum::of(&mut projector, copy),
            projector,
            predictor,
        })
    }

    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        // One pass per view: batch statistics are each view's own.
        let p_0 = self
            .predictor
            .forward(self.projector.forward(features.online(0)?)?)?;
        let p_1 = self
            .predictor
            .forward(self.projector.forward(features.online(1)?)?)?;
        let z_0 = self.target.forward(features.target(0)?)?;
        let z_1 = self.target.forward(features.target(1)?)?;
        // The sum of the two directions, not their mean.
        Ok((regression(p_0, z_1) + regression(p_1, z_0)).into())
    }

    fn after_update(&mut self, _at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        self.target.follow(&mut self.projector, momentum);
        Ok(())
    }
}

/// One view: `blurred` and `solarized` are the probabilities in which the two views differ.
fn view(name: &str, blurred: f32, solarized: f32) -> ViewGroup {
    let transforms = vec![
        crop(224, [0.08, 1.0], Interpolation::Bicubic),
        flip(),
        Transform::ColorJitter {
            p: 0.8,
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.2,
            hue: 0.1,
            brightness_form: Brightness::Additive,
        },
        grayscale(),
        Transform::GaussianBlur {
            p: blurred,
            sigma: [0.1, 2.0],
            kernel: BlurKernel::Taps { taps: 23 },
        },
        Transform::Solarize {
            p: solarized,
            threshold: 0.5,
        },
        normalize(),
    ];
    group(name, 1, ViewRole::Global, transforms)
}
