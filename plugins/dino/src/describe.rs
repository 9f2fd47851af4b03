//! What DINO asks of the host: views, encoders, official recipes, checkpoint names.

use crate::config::DinoConfig;
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    blur, cosine_lr, crop, flip, grayscale, group, jitter, lars, linear_probe, momentum, normalize,
    sgd, solarize, warmup,
};

pub(crate) fn description(config: &DinoConfig) -> Description {
    let encoders = vec![
        EncoderRequest::pooled(Encoder::Online, 0..config.views(), Grouping::ByResolution),
        EncoderRequest::pooled(Encoder::Target, [0, 1], Grouping::ByResolution),
    ];
    // The teacher of a full checkpoint, as the authors evaluate it, or the published backbone alone.
    let prefix = r"(?:module\.)?(?:backbone\.)?";
    let head = r"(?:module\.)?head\.";
    let last = "state.target.last_layer";
    let checkpoint = CheckpointMap::nested("teacher")
        .backbone(prefix)
        .drop(&format!(r"{prefix}fc\..+"))
        .target_head(&format!(r"{head}mlp\."), "projector")
        .rename(
            &format!(r"{head}last_layer\.(weight_[gv])"),
            &format!("{last}.$1"),
        )
        // A plain last layer has rows of length 1, as the gain says that stays at 1.
        .rename(
            &format!(r"{head}last_layer\.weight"),
            &format!("{last}.weight_v"),
        );
    Description {
        // Applied after the optimiser, with the step just done.
        momentum: Some(momentum(&config.momentum_schedule, config.momentum, 0)),
        // The published file is the teacher's backbone, and that is what the authors evaluate.
        linear: Some(linear_probe(100, 1024, 0.3, 0.0)),
        checkpoint,
        published: vec![
            Published::linear("800ep", 75.3, "arXiv:2104.14294"),
            Published::knn("800ep", 67.5, "arXiv:2104.14294"),
        ],
        ..Description::new(views(config.num_local_crops), encoders, recipe(config))
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
        decay: Decay::Cosine {
            end_fraction: 0.0,
            end: Some(end),
            per: Period::Step,
        },
        ..cosine_lr(base, warmup(10.0), Period::Step)
    };
    let frozen = GroupRule {
        frozen_epochs: Some(config.freeze_last_layer_epochs),
        ..GroupRule::heads("^last_layer")
    };
    let published = config.projector_bn;
    let recipe = if published {
        Recipe::new(4080, 800, lars(), rate(0.3, 0.0048), 1e-6)
    } else {
        Recipe::new(512, 100, sgd(), rate(0.03, 1e-6), 1e-4)
    };
    Recipe {
        groups: vec![GroupRule::exempt_1d(), frozen],
        clipping: (config.clip_grad > 0.0).then_some(Clipping::PerTensor {
            max_norm: config.clip_grad,
        }),
        mixed_precision: !published,
        ..recipe
    }
}
