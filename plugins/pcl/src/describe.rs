//! What PCL asks of the host: views, encoders, the clustering pass, official recipe, checkpoint names.

use crate::config::PclConfig;
use ssl_plugin_kit::api::description::{
    BatchNormMode, CheckpointMap, Description, Encoder, Family, FeaturePass, Level, Metadata,
    PassTransform,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{
    linear_probe_in_steps, momentum_contrast_recipe, momentum_contrast_views, query_and_key,
};

/// The name of the clustering pass.
pub(crate) const PASS: &str = "clustering";

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "pcl".to_owned(),
        name: "PCL".to_owned(),
        family: Family::Contrastive,
        paper: "arXiv:2005.04966".to_owned(),
        year: 2020,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: PclConfig::schema(),
    }
}

pub(crate) fn description(config: &PclConfig) -> Description {
    Description {
        views: momentum_contrast_views(),
        encoders: query_and_key(),
        momentum: Some(config.momentum()),
        passes: vec![FeaturePass {
            id: PASS.to_owned(),
            encoder: Encoder::Target,
            batch_norm: BatchNormMode::Eval,
            transform: PassTransform::Center,
            level: Level::Pooled,
            shuffle: false,
            drop_last: false,
        }],
        recipe: momentum_contrast_recipe(),
        finetune: Vec::new(),
        linear: Some(linear_probe_in_steps(5.0)),
        checkpoint: CheckpointMap::new(
            &["state_dict"],
            &[
                (r"^.*num_batches_tracked$", ""),
                (
                    r"^module\.encoder_q\.((?:conv1|bn1|layer[1-4])\..+)$",
                    "backbone.$1",
                ),
                (
                    r"^module\.encoder_k\.((?:conv1|bn1|layer[1-4])\..+)$",
                    "target.backbone.$1",
                ),
                (
                    r"^module\.encoder_q\.fc\.(\d+)\.(weight|bias)$",
                    "param.projector.$1.$2",
                ),
                (
                    r"^module\.encoder_k\.fc\.(\d+)\.(weight|bias)$",
                    "state.target.projector.$1.$2",
                ),
                // The single layer of version 1.
                (
                    r"^module\.encoder_q\.fc\.(weight|bias)$",
                    "param.projector.0.$1",
                ),
                (
                    r"^module\.encoder_k\.fc\.(weight|bias)$",
                    "state.target.projector.0.$1",
                ),
                (r"^module\.(queue|queue_ptr)$", "state.$1"),
            ],
        ),
    }
}
