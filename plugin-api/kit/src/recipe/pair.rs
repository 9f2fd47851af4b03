//! What Barlow Twins and VICReg have in common.

use super::training::{cosine_lr, cosine_to, lars, warmup};
use super::views::{blur, crop, flip, grayscale, group, jitter, normalize, solarize};
use ssl_plugin_api::description::{
    CheckpointMap, Description, Encoder, EncoderRequest, GroupRule, Grouping, Interpolation,
    LearningRate, Period, Recipe, ViewGroup, ViewRole,
};

/// Two views, forwarded one by one; LARS, batch 2048, 1000 epochs, learning rate 0.2 over 10 epochs of warm-up,
/// then a cosine to a thousandth of it per step, weight decay 1e-6; `one_dim` is what holds for parameters with one
/// dimension.
///
/// # Source
/// `barlowtwins:main.py`, which `vicreg:main_vicreg.py` took over.
#[must_use]
pub fn asymmetric_pair_description(one_dim: GroupRule) -> Description {
    let lr = LearningRate {
        decay: cosine_to(1e-3),
        ..cosine_lr(0.2, warmup(10.0), Period::Step)
    };
    let recipe = Recipe {
        groups: vec![one_dim],
        zero_init_residual: true,
        mixed_precision: true,
        ..Recipe::new(2048, 1000, lars(), lr, 1e-6)
    };
    Description {
        checkpoint: asymmetric_pair_checkpoint(),
        ..Description::new(
            asymmetric_pair(),
            vec![EncoderRequest::pooled(
                Encoder::Online,
                [0, 1],
                Grouping::PerView,
            )],
            recipe,
        )
    }
}

/// The first view is always blurred and never solarised, the second blurred once in ten and solarised once in five.
fn asymmetric_pair() -> Vec<ViewGroup> {
    [("view 0", 1.0, 0.0), ("view 1", 0.1, 0.2)]
        .into_iter()
        .map(|(name, blurred, solarized)| {
            let transforms = vec![
                crop(224, [0.08, 1.0], Interpolation::Bicubic),
                flip(),
                jitter(0.8, [0.4, 0.4, 0.2, 0.1]),
                grayscale(),
                blur(blurred),
                solarize(solarized),
                normalize(),
            ];
            group(name, 1, ViewRole::Global, transforms)
        })
        .collect()
}

/// Names of full checkpoints, and of the published backbones alone.
fn asymmetric_pair_checkpoint() -> CheckpointMap {
    CheckpointMap::nested("model")
        .rename(r"module\.backbone\.(.+)", "backbone.$1")
        .head(r"module\.projector\.", "projector")
        .rename(r"module\.bn\.(running_.+)", "state.bn.$1")
        .backbone("")
        .drop(r"fc\..+")
}
