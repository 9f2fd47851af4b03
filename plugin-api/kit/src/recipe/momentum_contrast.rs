//! What MoCo v2 and PCL v2 have in common.

use super::training::{cosine_lr, linear_probe_in_steps, sgd};
use super::views::{blur, crop, flip, grayscale, group, jitter, normalize};
use crate::blocks::{Mlp, MlpBuilder};
use crate::framework::Start;
use crate::module::Momentum;
use ssl_plugin_api::description::{
    BatchNormScope, CheckpointMap, Description, Encoder, EncoderRequest, Grouping, Interpolation,
    MomentumSchedule, Period, Recipe, ViewGroup, ViewRole,
};

/// Queries and keys; SGD, batch 256, learning rate 0.03 with a cosine per epoch, weight decay 1e-4 on everything, batch
/// norms and biases too, 200 epochs; linear evaluation at `linear_lr`.
#[must_use]
pub fn momentum_contrast_description(momentum: MomentumSchedule, linear_lr: f64) -> Description {
    let recipe = Recipe::new(256, 200, sgd(), cosine_lr(0.03, None, Period::Epoch), 1e-4);
    Description {
        momentum: Some(momentum),
        linear: Some(linear_probe_in_steps(linear_lr)),
        ..Description::new(views(), query_and_key(), recipe)
    }
}

/// The projector of the queries and the momentum copy of the keys: Linears with bias, ReLU between them, `layers` of
/// them, 1 in version 1 of both.
#[must_use]
pub fn momentum_contrast_heads(
    layers: usize,
    hidden: usize,
    outputs: usize,
    start: &Start,
) -> (Mlp, Momentum<Mlp>) {
    let layers = MlpBuilder::new(start.dim())
        .repeat(layers.saturating_sub(1), |mlp| {
            mlp.linear(hidden, true).relu()
        })
        .linear(outputs, true);
    let new = |purpose| layers.build(&mut start.random(purpose), &start.device, &start.ranks);
    let mut projector = new("heads");
    let target = Momentum::of(&mut projector, new("target"));
    (projector, target)
}

/// Names of both encoders with their heads, behind the patterns `query` and `key`, and of the queue.
#[must_use]
pub fn momentum_contrast_checkpoint(query: &str, key: &str) -> CheckpointMap {
    CheckpointMap::nested("state_dict")
        .backbone(query)
        .target_backbone(key)
        .head(&format!(r"{query}fc\."), "projector")
        .target_head(&format!(r"{key}fc\."), "projector")
        // The single layer of version 1.
        .rename(
            &format!(r"{query}fc\.(weight|bias)"),
            "param.projector.0.$1",
        )
        .rename(
            &format!(r"{key}fc\.(weight|bias)"),
            "state.target.projector.0.$1",
        )
        .rename(r"module\.(queue|queue_ptr)", "state.$1")
}

/// Two views alike: crop 224 of 0.2 to 1 of the area, colours, blur, flip.
///
/// # Source
/// arXiv:2003.04297; `main_moco.py` with `--aug-plus`, which `main_pcl.py` took over.
fn views() -> Vec<ViewGroup> {
    let transforms = vec![
        crop(224, [0.2, 1.0], Interpolation::Bilinear),
        jitter(0.8, [0.4, 0.4, 0.4, 0.1]),
        grayscale(),
        blur(0.5),
        flip(),
        normalize(),
    ];
    vec![group("view", 2, ViewRole::Global, transforms)]
}

/// One-sided: queries of view 0, keys of view 1. Batch norms are per rank, and keys are shuffled over
/// ranks, so that batch statistics do not tell which key belongs to a query.
fn query_and_key() -> Vec<EncoderRequest> {
    let request = |encoder, view, scope| EncoderRequest {
        scope,
        ..EncoderRequest::pooled(encoder, [view], Grouping::PerView)
    };
    vec![
        request(Encoder::Online, 0, BatchNormScope::PerRank),
        request(Encoder::Target, 1, BatchNormScope::Shuffled),
    ]
}
