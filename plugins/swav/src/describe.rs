//! What SwAV asks of the host: views, encoder, official recipe, checkpoint names.

use crate::config::SwavConfig;
use ssl_plugin_kit::api::description::{
    Description, Encoder, EncoderRequest, Family, GroupRule, Grouping, Metadata, Scope,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{
    finetune_in_steps, linear_probe, multi_crop, multi_crop_checkpoint, multi_crop_training,
};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "swav".to_owned(),
        name: "SwAV".to_owned(),
        family: Family::Clustering,
        paper: "arXiv:2006.09882".to_owned(),
        year: 2020,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: SwavConfig::schema(),
    }
}

pub(crate) fn description(config: &SwavConfig) -> Description {
    Description {
        views: multi_crop(&config.num_crops),
        encoders: vec![EncoderRequest::pooled(
            Encoder::Online,
            0..config.views(),
            Grouping::ByResolution,
        )],
        momentum: None,
        passes: Vec::new(),
        recipe: multi_crop_training(
            800,
            vec![GroupRule {
                scope: Scope::Heads,
                name: Some("^prototypes".to_owned()),
                frozen_steps: Some(config.freeze_prototypes_steps),
                ..GroupRule::default()
            }],
            true,
        ),
        finetune: vec![
            finetune_in_steps(0.01, [0.02, 5.0]),
            finetune_in_steps(0.1, [0.01, 0.2]),
        ],
        linear: Some(linear_probe(100, 256, 0.3, 1e-6)),
        checkpoint: multi_crop_checkpoint(&[(
            r"^(?:module\.)?prototypes\.weight$",
            "param.prototypes.weight",
        )]),
    }
}
