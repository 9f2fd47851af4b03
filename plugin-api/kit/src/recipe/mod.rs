//! Shorthands for what official recipes have in common: views, optimisers, schedules, passes.

mod momentum_contrast;
mod multi_crop;
mod pair;
mod passes;
mod training;
mod views;

pub use momentum_contrast::{
    momentum_contrast_checkpoint, momentum_contrast_description, momentum_contrast_heads,
};
pub use multi_crop::{check_crops, multi_crop_checkpoint, multi_crop_description};
pub use pair::asymmetric_pair_description;
pub use passes::{center_pass, training_pass};
pub use training::{
    cosine_lr, cosine_to, finetune, finetune_in_steps, larc, lars, linear_probe,
    linear_probe_in_steps, momentum, sgd, warmup,
};
pub use views::{
    MULTI_CROP_STD, SOLARIZE_THRESHOLD, blur, crop, flip, grayscale, group, jitter, multi_crop,
    normalize, normalize_with, solarize,
};
