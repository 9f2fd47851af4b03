//! What MoCo asks of the host: views, encoders, official recipes, checkpoint names.

use crate::config::{MocoConfig, Version};
use ssl_plugin_kit::api::description::{
    CheckpointMap, Description, Encoder, EncoderRequest, Family, GroupRule, Grouping,
    Interpolation, Metadata, Period, Ramp, Recipe, Transform, ViewGroup, ViewRole,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{
    blur, cosine_lr, crop, flip, grayscale, group, jitter, lars, linear_probe,
    linear_probe_in_steps, momentum_contrast_recipe, momentum_contrast_views, normalize,
    query_and_key, solarize, warmup,
};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "moco".to_owned(),
        name: "MoCo".to_owned(),
        family: Family::Contrastive,
        paper: "arXiv:1911.05722".to_owned(),
        year: 2019,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: MocoConfig::schema(),
    }
}

pub(crate) fn description(config: &MocoConfig) -> Description {
    let (views, encoders, recipe, linear) = match config.version {
        Version::V2 => (
            momentum_contrast_views(),
            query_and_key(),
            momentum_contrast_recipe(),
            linear_probe_in_steps(30.0),
        ),
        Version::V3 => (
            views_v3(),
            encoders_v3(),
            recipe_v3(),
            linear_probe(90, 1024, 0.4, 0.0),
        ),
    };
    Description {
        views,
        encoders,
        momentum: Some(config.momentum()),
        passes: Vec::new(),
        recipe,
        finetune: Vec::new(),
        linear: Some(linear),
        checkpoint: checkpoint(),
    }
}

/// A view: colours between the crop and the flip, as the code orders them.
fn view(name: &str, colours: &[Transform]) -> ViewGroup {
    let mut transforms = vec![crop(224, [0.2, 1.0], Interpolation::Bilinear)];
    transforms.extend_from_slice(colours);
    transforms.extend([flip(), normalize()]);
    group(name, 1, ViewRole::Global, transforms)
}

fn views_v3() -> Vec<ViewGroup> {
    let colours = |blurred, solarized| {
        [
            jitter(0.8, [0.4, 0.4, 0.2, 0.1]),
            grayscale(),
            blur(blurred),
            solarize(solarized),
        ]
    };
    vec![
        view("view 0", &colours(1.0, 0.0)),
        view("view 1", &colours(0.1, 0.2)),
    ]
}

fn encoders_v3() -> Vec<EncoderRequest> {
    [Encoder::Online, Encoder::Target]
        .map(|encoder| EncoderRequest::pooled(encoder, [0, 1], Grouping::PerView))
        .into()
}

fn recipe_v3() -> Recipe {
    Recipe {
        batch_size: 4096,
        epochs: 100,
        optimizer: lars(),
        lr: cosine_lr(0.6, warmup(10.0), Period::Step),
        weight_decay: Ramp::constant(1e-6),
        groups: vec![GroupRule::exempt_1d()],
        clipping: None,
        zero_init_residual: true,
        mixed_precision: true,
    }
}

/// Names of both repositories: `encoder_q`/`encoder_k` in v1 and v2, `base_encoder`/
/// `momentum_encoder` in v3.
fn checkpoint() -> CheckpointMap {
    CheckpointMap::new(
        &["state_dict"],
        &[
            (r"^.*num_batches_tracked$", ""),
            (
                r"^module\.(?:encoder_q|base_encoder)\.((?:conv1|bn1|layer[1-4])\..+)$",
                "backbone.$1",
            ),
            (
                r"^module\.(?:encoder_k|momentum_encoder)\.((?:conv1|bn1|layer[1-4])\..+)$",
                "target.backbone.$1",
            ),
            (
                r"^module\.(?:encoder_q|base_encoder)\.fc\.(\d+)\.(weight|bias)$",
                "param.projector.$1.$2",
            ),
            (
                r"^module\.base_encoder\.fc\.(\d+)\.(running_.+)$",
                "state.projector.$1.$2",
            ),
            (
                r"^module\.(?:encoder_k|momentum_encoder)\.fc\.(\d+)\.(.+)$",
                "state.target.projector.$1.$2",
            ),
            // The single layer of v1.
            (
                r"^module\.encoder_q\.fc\.(weight|bias)$",
                "param.projector.0.$1",
            ),
            (
                r"^module\.encoder_k\.fc\.(weight|bias)$",
                "state.target.projector.0.$1",
            ),
            (r"^module\.(queue|queue_ptr)$", "state.$1"),
            (
                r"^module\.predictor\.(\d+)\.(weight|bias)$",
                "param.predictor.$1.$2",
            ),
            (
                r"^module\.predictor\.(\d+)\.(running_.+)$",
                "state.predictor.$1.$2",
            ),
        ],
    )
}
