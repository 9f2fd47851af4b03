//! Keys, modules, what is asked of the host, the wiring of a step.

use crate::loss::nt_xent;
use ssl_plugin_kit::blocks::{Affine, Init, Mlp, MlpBuilder, unit_rows_squared};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    cosine_lr, crop, flip, grayscale, group, jitter, linear_probe, warmup,
};

config! {
    /// SimCLR's configuration.
    pub struct SimClrConfig {
        /// Linear layers of the projector (3 in SimCLRv2).
        projector_layers: usize = 2, in layers(), from "arXiv:2002.05709 section 3";
        /// Width of the projector's hidden layers.
        projector_hidden_dim: usize = 2048, in at_least(1),
            from "the width of ResNet-50's features";
        /// Width of the projector's output.
        projector_dim: usize = 128, in at_least(1), from "arXiv:2002.05709 section 3";
        /// Temperature of the softmax (0.5 for CIFAR-10).
        temperature: f64 = 0.1, in temperature(), from "arXiv:2002.05709 table 5; run.py";
    }
}

module! {
    /// SimCLR at work.
    pub struct SimClr {
        /// Linear without bias, batch norm, ReLU; no ReLU after the last layer, whose batch norm
        /// has a scale but no offset. Weights start from N(0, 0.01²).
        pub projector: Mlp,
        ..
        temperature: f64,
        ranks: Ranks,
    }
}

const LARS: Optimizer = Optimizer::Lars {
    momentum: 0.9,
    trust: 1e-3,
    form: TrustForm::RateInside,
};

impl Framework for SimClr {
    type Config = SimClrConfig;

    const IDENTITY: Identity = Identity {
        id: "simclr",
        name: "SimCLR",
        family: Family::Contrastive,
        paper: "arXiv:2002.05709",
        year: 2020,
    };

    fn describe(_config: &SimClrConfig) -> Description {
        // No normalisation: the official weights expect pixels in [0, 1].
        let transforms = vec![
            crop(224, [0.08, 1.0], Interpolation::Bicubic),
            flip(),
            jitter(0.8, [0.8, 0.8, 0.8, 0.2]),
            grayscale(),
            Transform::GaussianBlur {
                p: 0.5,
                sigma: [0.1, 2.0],
                kernel: BlurKernel::Taps { taps: 23 },
            },
        ];
        let recipe = Recipe {
            groups: vec![GroupRule::exempt_1d()],
            zero_init_residual: true,
            ..Recipe::new(
                4096,
                1000,
                LARS,
                cosine_lr(0.3, warmup(10.0), Period::Step),
                1e-6,
            )
        };
        let views = vec![group("view", 2, ViewRole::Global, transforms)];
        let encoder = EncoderRequest::pooled(Encoder::Online, [0, 1], Grouping::ByResolution);
        let schedule = LinearSchedule::Cosine { per: Period::Step };
        // SimCLRv2 (arXiv:2006.10029, section 3): 0.005·√batch for both.
        let finetune = |labels, epochs| FinetuneRecipe {
            labels,
            epochs,
            batch_size: 1024,
            lr_backbone: 0.16,
            lr_head: 0.16,
            weight_decay: 0.0,
            optimizer: LARS,
            schedule: schedule.clone(),
        };
        Description {
            finetune: vec![finetune(0.01, 60), finetune(0.1, 30)],
            linear: Some(LinearRecipe {
                optimizer: Optimizer::Sgd {
                    momentum: 0.9,
                    nesterov: true,
                },
                schedule: schedule.clone(),
                ..linear_probe(90, 4096, 1.6, 0.0)
            }),
            // The TensorFlow checkpoint is converted first; these are the converted names.
            checkpoint: CheckpointMap::nested("state_dict")
                .backbone(r"(?:module\.|backbone\.)?")
                .head(r"projector\.", "projector")
                .drop(r"(?:fc|classifier)\..+"),
            published: vec![
                Published::linear("1000ep", 69.3, "arXiv:2002.05709"),
                Published::linear("ResNet50_1x", 69.1, "google-research/simclr README"),
            ],
            ..Description::new(views, vec![encoder], recipe)
        }
    }

    fn start(config: SimClrConfig, start: Start) -> Result<Self, Fault> {
        let projector = MlpBuilder::new(start.dim())
            .hidden(
                &vec![config.projector_hidden_dim; config.projector_layers - 1],
                false,
            )
            .linear(config.projector_dim, false)
            .batch_norm(Affine::Scale)
            .init(Init::Normal(0.01));
        Ok(Self {
            projector: projector.build(&mut start.random("heads"), &start.device, &start.ranks),
            temperature: config.temperature,
            ranks: start.ranks,
        })
    }

    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let batch = features.batch();
        // Both views are one batch for the batch norm of the head.
        let h = Tensor::cat(features.online_each(0..2)?, 0); // [2·batch, dim]
        let z = unit_rows_squared(self.projector.forward(h)?);
        let (z_0, z_1) = (z.clone().narrow(0, 0, batch), z.narrow(0, batch, batch));
        Ok(nt_xent(z_0, z_1, self.temperature, &self.ranks)?.into())
    }
}
