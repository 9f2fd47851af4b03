//! What DINO asks of the host: views, encoders, official recipes, checkpoint names.

use crate::config::DinoConfig;
use ssl_plugin_kit::api::description::{
    CheckpointMap, Clipping, Decay, Description, Encoder, EncoderRequest, Family, GroupRule,
    Grouping, Interpolation, LearningRate, Metadata, Period, Ramp, Recipe, Scaling, Scope,
    ViewGroup, ViewRole,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{
    blur, crop, flip, grayscale, group, jitter, lars, linear_probe, normalize, sgd, solarize,
    warmup,
};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "dino".to_owned(),
        name: "DINO".to_owned(),
        family: Family::Distillation,
        paper: "arXiv:2104.14294".to_owned(),
        year: 2021,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: DinoConfig::schema(),
    }
}

pub(crate) fn description(config: &DinoConfig) -> Description {
    Description {
        views: views(config.num_local_crops),
        encoders: vec![
            EncoderRequest::pooled(Encoder::Online, 0..config.views(), Grouping::ByResolution),
            EncoderRequest::pooled(Encoder::Target, [0, 1], Grouping::ByResolution),
        ],
        momentum: Some(config.momentum()),
        passes: Vec::new(),
        recipe: recipe(config),
        // The published file is the teacher's backbone, and that is what the authors evaluate.
        finetune: Vec::new(),
        linear: Some(linear_probe(100, 1024, 0.3, 0.0)),
        checkpoint: checkpoint(),
    }
}

/// Crops with the areas of the ResNet-50 runs (the code's defaults, 0.4 and 0.4, are for ViTs).
fn views(local: usize) -> Vec<ViewGroup> {
    let view = |name, count, role, size, area, blurred, solarized| {
        let mut transforms = vec![
            crop(size, area, Interpolation::Bicubic),
            flip(),
            jitter(0.8, [0.4, 0.4, 0.2, 0.1]),
            grayscale(),
            blur(blurred),
        ];
        if solarized > 0.0 {
            transforms.push(solarize(solarized));
        }
        transforms.push(normalize());
        group(name, count, role, transforms)
    };
    let large = [0.14, 1.0];
    let mut views = vec![
        view("global 0", 1, ViewRole::Global, 224, large, 1.0, 0.0),
        view("global 1", 1, ViewRole::Global, 224, large, 0.1, 0.2),
    ];
    if local > 0 {
        let area = [0.05, 0.14];
        views.push(view("local", local, ViewRole::Local, 96, area, 0.5, 0.0));
    }
    views
}

/// With batch norm in the head the run of the published ResNet-50, else the README's small one.
fn recipe(config: &DinoConfig) -> Recipe {
    let rate = |base, end| LearningRate {
        base,
        scaling: Scaling::Linear,
        warmup: warmup(10.0),
        decay: Decay::Cosine {
            end_fraction: 0.0,
            end: Some(end),
            per: Period::Step,
        },
    };
    let frozen = GroupRule {
        scope: Scope::Heads,
        name: Some("^last_layer".to_owned()),
        frozen_epochs: Some(config.freeze_last_layer_epochs),
        ..GroupRule::default()
    };
    let published = config.projector_bn;
    Recipe {
        batch_size: if published { 4080 } else { 512 },
        epochs: if published { 800 } else { 100 },
        optimizer: if published { lars() } else { sgd() },
        lr: if published {
            rate(0.3, 0.0048)
        } else {
            rate(0.03, 1e-6)
        },
        weight_decay: Ramp::constant(if published { 1e-6 } else { 1e-4 }),
        groups: vec![GroupRule::exempt_1d(), frozen],
        clipping: (config.clip_grad > 0.0).then_some(Clipping::PerTensor {
            max_norm: config.clip_grad,
        }),
        zero_init_residual: false,
        mixed_precision: !published,
    }
}

/// The teacher of a full checkpoint, as the authors evaluate it, or the published backbone alone.
fn checkpoint() -> CheckpointMap {
    CheckpointMap::new(
        &["teacher"],
        &[
            (r"^.*num_batches_tracked$", ""),
            (
                r"^(?:module\.)?(?:backbone\.)?((?:conv1|bn1|layer[1-4])\..+)$",
                "backbone.$1",
            ),
            (r"^(?:module\.)?(?:backbone\.)?fc\..+$", ""),
            (
                r"^(?:module\.)?head\.mlp\.(\d+)\.(.+)$",
                "state.target.projector.$1.$2",
            ),
            (
                r"^(?:module\.)?head\.last_layer\.(weight_[gv])$",
                "state.target.last_layer.$1",
            ),
            // A plain last layer has rows of length 1, as the gain says that stays at 1.
            (
                r"^(?:module\.)?head\.last_layer\.weight$",
                "state.target.last_layer.weight_v",
            ),
        ],
    )
}
