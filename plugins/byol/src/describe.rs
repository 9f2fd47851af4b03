//! What BYOL asks of the host: views, encoders, official recipe, checkpoint names.

use crate::config::ByolConfig;
use ssl_plugin_kit::api::description::{
    BlurKernel, Brightness, CheckpointMap, Description, Encoder, EncoderRequest, Family, GroupRule,
    Grouping, Interpolation, LinearRecipe, LinearSchedule, Metadata, Optimizer, Period, Ramp,
    Recipe, Transform, ViewGroup, ViewRole,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{cosine_lr, crop, flip, grayscale, group, lars, normalize, warmup};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "byol".to_owned(),
        name: "BYOL".to_owned(),
        family: Family::Distillation,
        paper: "arXiv:2006.07733".to_owned(),
        year: 2020,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: ByolConfig::schema(),
    }
}

/// One view: `blur` and `solarize` are the probabilities in which the two views differ.
fn view(name: &str, blur: f32, solarize: f32) -> ViewGroup {
    let jitter = Transform::ColorJitter {
        p: 0.8,
        brightness: 0.4,
        contrast: 0.4,
        saturation: 0.2,
        hue: 0.1,
        brightness_form: Brightness::Additive,
    };
    let kernel = BlurKernel::Taps { taps: 23 };
    group(
        name,
        1,
        ViewRole::Global,
        vec![
            crop(224, [0.08, 1.0], Interpolation::Bicubic),
            flip(),
            jitter,
            grayscale(),
            Transform::GaussianBlur {
                p: blur,
                sigma: [0.1, 2.0],
                kernel,
            },
            Transform::Solarize {
                p: solarize,
                threshold: 0.5,
            },
            normalize(),
        ],
    )
}

pub(crate) fn description(config: &ByolConfig) -> Description {
    Description {
        views: vec![view("view 0", 1.0, 0.0), view("view 1", 0.1, 0.2)],
        encoders: vec![
            EncoderRequest::pooled(Encoder::Online, [0, 1], Grouping::PerView),
            EncoderRequest::pooled(Encoder::Target, [0, 1], Grouping::PerView),
        ],
        momentum: Some(config.momentum()),
        passes: Vec::new(),
        recipe: Recipe {
            batch_size: 4096,
            epochs: 1000,
            optimizer: lars(),
            lr: cosine_lr(0.2, warmup(10.0), Period::Step),
            weight_decay: Ramp::constant(1.5e-6),
            groups: vec![GroupRule::exempt_1d()],
            clipping: None,
            zero_init_residual: true,
            mixed_precision: false,
        },
        finetune: Vec::new(),
        linear: Some(LinearRecipe {
            epochs: 80,
            batch_size: 1024,
            lr: 0.8,
            weight_decay: 0.0,
            optimizer: Optimizer::Sgd {
                momentum: 0.9,
                nesterov: true,
            },
            schedule: LinearSchedule::Cosine { per: Period::Step },
        }),
        // The JAX checkpoint is converted first; these are the converted names.
        checkpoint: CheckpointMap::new(
            &["state_dict"],
            &[
                (
                    r"^(?:module\.|backbone\.)?((?:conv1|bn1|layer[1-4])\..+)$",
                    "backbone.$1",
                ),
                (
                    r"^target\.((?:conv1|bn1|layer[1-4])\..+)$",
                    "target.backbone.$1",
                ),
                (
                    r"^((?:projector|predictor)\.\d+\.(?:weight|bias))$",
                    "param.$1",
                ),
                (r"^((?:projector|predictor)\.\d+\.running_.+)$", "state.$1"),
                (r"^(target\.projector\..+)$", "state.$1"),
                (r"^(?:fc|classifier)\..+$", ""),
            ],
        ),
    }
}
