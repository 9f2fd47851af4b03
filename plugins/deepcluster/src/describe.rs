//! What DeepCluster asks of the host: views, encoder, passes, official recipes, checkpoint names.

use crate::config::{DeepClusterConfig, V2Config};
use ssl_plugin_kit::api::description::{
    BatchNormMode, Decay, Description, Encoder, EncoderRequest, Family, FeaturePass, GroupRule,
    Grouping, Interpolation, LearningRate, Level, Metadata, Optimizer, PassTransform, Ramp, Recipe,
    Scaling, Scope, ViewRole,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{
    crop, flip, group, linear_probe, multi_crop, multi_crop_checkpoint, multi_crop_training,
    normalize, sgd,
};

/// The pass that v2 makes before the first epoch.
pub(crate) const MEMORY: &str = "memory";
/// The pass that v1 makes before every epoch.
pub(crate) const FEATURES: &str = "features";

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "deepcluster".to_owned(),
        name: "DeepCluster".to_owned(),
        family: Family::Clustering,
        paper: "arXiv:1807.05520".to_owned(),
        year: 2018,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: DeepClusterConfig::schema(),
    }
}

pub(crate) fn description(config: &DeepClusterConfig) -> Description {
    match config {
        DeepClusterConfig::V2(config) => v2(config),
        DeepClusterConfig::V1(_) => v1(),
    }
}

fn v2(config: &V2Config) -> Description {
    Description {
        views: multi_crop(&config.num_crops),
        encoders: vec![EncoderRequest::pooled(
            Encoder::Online,
            0..config.views(),
            Grouping::ByResolution,
        )],
        momentum: None,
        passes: vec![FeaturePass {
            id: MEMORY.to_owned(),
            encoder: Encoder::Online,
            batch_norm: BatchNormMode::Train,
            transform: PassTransform::Views {
                views: config.crops_for_assign.clone(),
            },
            level: Level::Pooled,
            shuffle: true,
            drop_last: true,
        }],
        recipe: multi_crop_training(800, Vec::new(), false),
        finetune: Vec::new(),
        linear: Some(linear_probe(100, 256, 0.3, 1e-6)),
        checkpoint: multi_crop_checkpoint(&[(
            r"^(?:module\.)?prototypes\.prototypes(\d+)\.weight$",
            "state.prototypes.$1.weight",
        )]),
    }
}

/// The official networks see greyscale through a Sobel filter, and their classifier sees 4096
/// dimensions; here the backbone is the host's, with colours and pooled features.
fn v1() -> Description {
    let transforms = vec![
        crop(224, [0.08, 1.0], Interpolation::Bilinear),
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
        passes: vec![FeaturePass {
            id: FEATURES.to_owned(),
            encoder: Encoder::Online,
            batch_norm: BatchNormMode::Eval,
            transform: PassTransform::Center,
            level: Level::Pooled,
            shuffle: false,
            drop_last: false,
        }],
        recipe: Recipe {
            batch_size: 256,
            epochs: 200,
            optimizer: sgd(),
            lr: LearningRate {
                base: 0.05,
                scaling: Scaling::None,
                warmup: None,
                decay: Decay::Constant,
            },
            weight_decay: Ramp::constant(1e-5),
            groups: vec![GroupRule {
                scope: Scope::Heads,
                name: Some("^top_layer".to_owned()),
                optimizer: Some(Optimizer::Sgd {
                    momentum: 0.0,
                    nesterov: false,
                }),
                own_lr: Some(0.05),
                own_weight_decay: Some(1e-5),
                ..GroupRule::default()
            }],
            clipping: None,
            zero_init_residual: false,
            mixed_precision: false,
        },
        // The official evaluation probes AlexNet's convolutions, not pooled features.
        finetune: Vec::new(),
        linear: None,
        checkpoint: multi_crop_checkpoint(&[(
            r"^(?:module\.)?top_layer\.(weight|bias)$",
            "param.top_layer.$1",
        )]),
    }
}
