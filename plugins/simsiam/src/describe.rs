//! What SimSiam asks of the host: views, encoder, official recipe, checkpoint names.

use crate::config::SimSiamConfig;
use ssl_plugin_kit::api::description::{
    CheckpointMap, Description, Encoder, EncoderRequest, Family, GroupRule, Grouping,
    Interpolation, LinearRecipe, LinearSchedule, Metadata, Period, Ramp, Recipe, Scope, ViewRole,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{
    blur, cosine_lr, crop, flip, grayscale, group, jitter, larc, normalize, sgd,
};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "simsiam".to_owned(),
        name: "SimSiam".to_owned(),
        family: Family::Distillation,
        paper: "arXiv:2011.10566".to_owned(),
        year: 2020,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: SimSiamConfig::schema(),
    }
}

pub(crate) fn description(config: &SimSiamConfig) -> Description {
    let transforms = vec![
        crop(224, [0.2, 1.0], Interpolation::Bilinear),
        jitter(0.8, [0.4, 0.4, 0.4, 0.1]),
        grayscale(),
        blur(0.5),
        flip(),
        normalize(),
    ];
    // Weight decay on everything, batch norms and biases too: the only rule is the predictor's.
    let groups = if config.constant_predictor_lr {
        vec![GroupRule {
            scope: Scope::Heads,
            name: Some(r"^predictor\.".to_owned()),
            constant_lr: Some(true),
            ..GroupRule::default()
        }]
    } else {
        Vec::new()
    };
    Description {
        views: vec![group("view", 2, ViewRole::Global, transforms)],
        encoders: vec![EncoderRequest::pooled(
            Encoder::Online,
            [0, 1],
            Grouping::PerView,
        )],
        momentum: None,
        passes: Vec::new(),
        recipe: Recipe {
            batch_size: 512,
            epochs: 100,
            optimizer: sgd(),
            lr: cosine_lr(0.05, None, Period::Epoch),
            weight_decay: Ramp::constant(1e-4),
            groups,
            clipping: None,
            zero_init_residual: true,
            mixed_precision: false,
        },
        finetune: Vec::new(),
        linear: Some(LinearRecipe {
            epochs: 90,
            batch_size: 4096,
            lr: 1.6,
            weight_decay: 0.0,
            optimizer: larc(),
            schedule: LinearSchedule::Cosine { per: Period::Epoch },
        }),
        checkpoint: CheckpointMap::new(
            &["state_dict"],
            &[
                (r"^.*num_batches_tracked$", ""),
                (
                    r"^module\.encoder\.((?:conv1|bn1|layer[1-4])\..+)$",
                    "backbone.$1",
                ),
                // Frozen at its random start, and cancelled by the batch norm that follows.
                (r"^module\.encoder\.fc\.6\.bias$", ""),
                (
                    r"^module\.encoder\.fc\.(\d+)\.(weight|bias)$",
                    "param.projector.$1.$2",
                ),
                (
                    r"^module\.encoder\.fc\.(\d+)\.(running_.+)$",
                    "state.projector.$1.$2",
                ),
                (
                    r"^module\.predictor\.(\d+)\.(weight|bias)$",
                    "param.predictor.$1.$2",
                ),
                (
                    r"^module\.predictor\.(\d+)\.(running_.+)$",
                    "state.predictor.$1.$2",
                ),
            ],
        ),
    }
}
