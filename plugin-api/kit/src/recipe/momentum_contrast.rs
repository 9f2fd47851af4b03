//! What MoCo v2 and PCL v2 have in common.

use super::training::{cosine_lr, sgd};
use super::views::{blur, crop, flip, grayscale, group, jitter, normalize};
use ssl_plugin_api::description::{
    BatchNormScope, Encoder, EncoderRequest, Grouping, Interpolation, Period, Ramp, Recipe,
    ViewGroup, ViewRole,
};

/// Two views alike: crop 224 of 0.2 to 1 of the area, colours, blur, flip.
///
/// # Source
/// arXiv:2003.04297; `main_moco.py` with `--aug-plus`, which `main_pcl.py` took over.
#[must_use]
pub fn momentum_contrast_views() -> Vec<ViewGroup> {
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
#[must_use]
pub fn query_and_key() -> Vec<EncoderRequest> {
    let request = |encoder, view, scope| EncoderRequest {
        scope,
        ..EncoderRequest::pooled(encoder, [view], Grouping::PerView)
    };
    vec![
        request(Encoder::Online, 0, BatchNormScope::PerRank),
        request(Encoder::Target, 1, BatchNormScope::Shuffled),
    ]
}

/// SGD, batch 256, learning rate 0.03 with a cosine per epoch, weight decay 1e-4 on everything, batch
/// norms and biases too, 200 epochs.
#[must_use]
pub fn momentum_contrast_recipe() -> Recipe {
    Recipe {
        batch_size: 256,
        epochs: 200,
        optimizer: sgd(),
        lr: cosine_lr(0.03, None, Period::Epoch),
        weight_decay: Ramp::constant(1e-4),
        groups: Vec::new(),
        clipping: None,
        zero_init_residual: false,
        mixed_precision: false,
    }
}
