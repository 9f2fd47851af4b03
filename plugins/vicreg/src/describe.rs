//! What VICReg asks of the host: views, encoder, official recipe, checkpoint names.

use crate::config::VicRegConfig;
use ssl_plugin_kit::api::description::{
    CheckpointMap, Decay, Description, Encoder, EncoderRequest, Family, GroupRule, Grouping,
    LearningRate, Metadata, Period, Ramp, Recipe, Scaling,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{asymmetric_pair, finetune, lars, linear_probe, warmup};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "vicreg".to_owned(),
        name: "VICReg".to_owned(),
        family: Family::InformationMaximization,
        paper: "arXiv:2105.04906".to_owned(),
        year: 2021,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: VicRegConfig::schema(),
    }
}

pub(crate) fn description() -> Description {
    Description {
        views: asymmetric_pair(),
        encoders: vec![EncoderRequest::pooled(
            Encoder::Online,
            [0, 1],
            Grouping::PerView,
        )],
        momentum: None,
        passes: Vec::new(),
        recipe: Recipe {
            batch_size: 2048,
            epochs: 1000,
            optimizer: lars(),
            lr: LearningRate {
                base: 0.2,
                scaling: Scaling::Linear,
                warmup: warmup(10.0),
                decay: Decay::Cosine {
                    end_fraction: 1e-3,
                    end: None,
                    per: Period::Step,
                },
            },
            weight_decay: Ramp::constant(1e-6),
            groups: vec![GroupRule::exempt_1d()],
            clipping: None,
            zero_init_residual: true,
            mixed_precision: true,
        },
        finetune: vec![
            finetune(0.01, 20, [0.03, 0.08]),
            finetune(0.1, 20, [0.01, 0.1]),
        ],
        linear: Some(linear_probe(100, 256, 0.02, 1e-6)),
        checkpoint: CheckpointMap::new(
            &["model"],
            &[
                (r"^.*num_batches_tracked$", ""),
                (r"^module\.backbone\.(.+)$", "backbone.$1"),
                (
                    r"^module\.projector\.(\d+)\.(weight|bias)$",
                    "param.projector.$1.$2",
                ),
                (
                    r"^module\.projector\.(\d+)\.(running_.+)$",
                    "state.projector.$1.$2",
                ),
                // The published backbone alone: torchvision's names.
                (r"^((?:conv1|bn1|layer[1-4])\..+)$", "backbone.$1"),
                (r"^fc\..+$", ""),
            ],
        ),
    }
}
