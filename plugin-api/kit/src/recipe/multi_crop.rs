//! What SwAV's repository has in common: SwAV, DeepCluster-v2 and SeLa-v2.

use super::training::larc;
use ssl_plugin_api::Fault;
use ssl_plugin_api::description::{
    CheckpointMap, Decay, GroupRule, LearningRate, Period, Ramp, Recipe, Scaling, Warmup,
};

/// Checks `num_crops` (at least two crops) and `crops_for_assign` (crops that there are, each once).
///
/// # Errors
/// Key, value and rule.
pub fn check_crops(num_crops: &[usize], crops_for_assign: &[usize]) -> Result<(), Fault> {
    let views: usize = num_crops.iter().sum();
    if views < 2 {
        return Err(Fault::config(format!(
            "`num_crops`: expected at least 2 crops, found {views}"
        )));
    }
    for (n, &crop) in crops_for_assign.iter().enumerate() {
        if crop >= views {
            return Err(Fault::config(format!(
                "`crops_for_assign`: expected crops below the {views} of `num_crops`, found {crop}"
            )));
        }
        if crops_for_assign[..n].contains(&crop) {
            return Err(Fault::config(format!(
                "`crops_for_assign`: crop {crop} is listed twice"
            )));
        }
    }
    Ok(())
}

/// The recipe of the repository: LARC, batch 4096, learning rate 0.3 to 4.8 over 10 epochs, then a cosine to a
/// thousandth of it per step, weight decay 1e-6 on everything.
#[must_use]
pub fn multi_crop_training(epochs: u64, groups: Vec<GroupRule>, mixed_precision: bool) -> Recipe {
    Recipe {
        batch_size: 4096,
        epochs,
        optimizer: larc(),
        lr: LearningRate {
            base: 0.3,
            scaling: Scaling::Linear,
            warmup: Some(Warmup {
                epochs: 10.0,
                start: 0.3 / 16.0,
            }),
            decay: Decay::Cosine {
                end_fraction: 1e-3,
                end: None,
                per: Period::Step,
            },
        },
        weight_decay: Ramp::constant(1e-6),
        groups,
        clipping: None,
        zero_init_residual: false,
        mixed_precision,
    }
}

/// Names of backbone and projector in the repository's checkpoints, and what a framework adds.
#[must_use]
pub fn multi_crop_checkpoint(more: &[(&str, &str)]) -> CheckpointMap {
    let mut rules = vec![
        (r"^.*num_batches_tracked$", ""),
        (
            r"^(?:module\.)?((?:conv1|bn1|layer[1-4])\..+)$",
            "backbone.$1",
        ),
        (
            r"^(?:module\.)?projection_head\.(\d+)\.(weight|bias)$",
            "param.projector.$1.$2",
        ),
        (
            r"^(?:module\.)?projection_head\.(\d+)\.(running_.+)$",
            "state.projector.$1.$2",
        ),
    ];
    rules.extend_from_slice(more);
    CheckpointMap::new(&["state_dict"], &rules)
}
