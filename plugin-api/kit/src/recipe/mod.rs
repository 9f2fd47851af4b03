//! Shorthands for what official recipes have in common: views, optimisers, schedules.

mod momentum_contrast;
mod multi_crop;
mod pair;
mod training;
mod views;

pub use momentum_contrast::{momentum_contrast_recipe, momentum_contrast_views, query_and_key};
pub use multi_crop::{check_crops, multi_crop_checkpoint, multi_crop_training};
pub use pair::asymmetric_pair;
pub use training::{
    cosine_lr, finetune, finetune_in_steps, larc, lars, linear_probe, linear_probe_in_steps,
    momentum, sgd, warmup,
};
pub use views::{
    MULTI_CROP_STD, SOLARIZE_THRESHOLD, blur, crop, flip, grayscale, group, jitter, multi_crop,
    normalize, normalize_with, solarize,
};
