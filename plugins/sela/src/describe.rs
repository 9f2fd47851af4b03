//! What SeLa asks of the host: views, encoder, passes, official recipes, checkpoint names.

use crate::config::{SelaConfig, V2Config};
use ssl_plugin_kit::api::description::{
    BatchNormMode, Decay, Description, Encoder, EncoderRequest, Family, FeaturePass, GroupRule,
    Grouping, Interpolation, LearningRate, Level, LinearRecipe, LinearSchedule, Metadata,
    PassTransform, Ramp, Recipe, Scaling, Scope, ViewRole,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{
    crop, flip, grayscale, group, jitter, linear_probe, multi_crop, multi_crop_checkpoint,
    multi_crop_training, normalize, sgd,
};

/// The pass that v2 makes before the first epoch.
pub(crate) const MEMORY: &str = "memory";
/// The pass that v1 makes whenever labels are due.
pub(crate) const LABELS: &str = "labels";

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "sela".to_owned(),
        name: "SeLa".to_owned(),
        family: Family::Clustering,
        paper: "arXiv:1911.05371".to_owned(),
        year: 2019,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: SelaConfig::schema(),
    }
}

pub(crate) fn description(config: &SelaConfig) -> Description {
    match config {
        SelaConfig::V2(config) => v2(config),
        SelaConfig::V1(_) => v1(),
    }
}

/// A pass in training mode over freshly drawn views.
fn pass(id: &str, views: Vec<usize>, drop_last: bool) -> FeaturePass {
    FeaturePass {
        id: id.to_owned(),
        encoder: Encoder::Online,
        batch_norm: BatchNormMode::Train,
        transform: PassTransform::Views { views },
        level: Level::Pooled,
        shuffle: true,
        drop_last,
    }
}

fn v2(config: &V2Config) -> Description {
    let prototypes = GroupRule {
        scope: Scope::Heads,
        name: Some("^prototypes".to_owned()),
        frozen_steps: Some(config.freeze_prototypes_steps),
        ..GroupRule::default()
    };
    Description {
        views: multi_crop(&config.num_crops),
        encoders: vec![EncoderRequest::pooled(
            Encoder::Online,
            0..config.views(),
            Grouping::ByResolution,
        )],
        momentum: None,
        passes: vec![pass(MEMORY, config.crops_for_assign.clone(), true)],
        recipe: multi_crop_training(400, vec![prototypes], false),
        finetune: Vec::new(),
        linear: Some(linear_probe(100, 256, 0.3, 1e-6)),
        checkpoint: multi_crop_checkpoint(&[(
            r"^(?:module\.)?prototypes\.prototypes(\d+)\.weight$",
            "param.prototypes.$1.weight",
        )]),
    }
}

fn v1() -> Description {
    let transforms = vec![
        crop(224, [0.08, 1.0], Interpolation::Bilinear),
        grayscale(),
        jitter(1.0, [0.4, 0.4, 0.4, 0.4]),
        flip(),
        normalize(),
    ];
    Description {
        views: vec![group("view", 1, ViewRole::Global, transforms)],
        encoders: vec![EncoderRequest::pooled(
            Encoder::Online,
            [0],
            Grouping::PerView,
        )],
        momentum: None,
        passes: vec![pass(LABELS, vec![0], false)],
        recipe: Recipe {
            batch_size: 256,
            epochs: 400,
            optimizer: sgd(),
            lr: LearningRate {
                base: 0.08,
                scaling: Scaling::None,
                warmup: None,
                // Epochs 150, 300 and 350 of 400.
                decay: Decay::Steps {
                    milestones: vec![0.375, 0.75, 0.875],
                    factor: 0.1,
                },
            },
            weight_decay: Ramp::constant(1e-5),
            groups: Vec::new(),
            clipping: None,
            zero_init_residual: false,
            mixed_precision: false,
        },
        finetune: Vec::new(),
        linear: Some(LinearRecipe {
            epochs: 146,
            batch_size: 1024,
            lr: 0.1,
            weight_decay: 0.0,
            optimizer: sgd(),
            schedule: LinearSchedule::Steps {
                epochs: vec![85, 128],
                factor: 0.1,
            },
        }),
        // torchvision's ResNets ("Aug++") name head 0 `fc`.
        checkpoint: multi_crop_checkpoint(&[
            (
                r"^(?:module\.)?top_layer(\d+)\.(weight|bias)$",
                "param.top_layer.$1.$2",
            ),
            (r"^(?:module\.)?fc\.(weight|bias)$", "param.top_layer.0.$1"),
        ]),
    }
}
