//! What SwAV's repository has in common: SwAV, DeepCluster-v2 and SeLa-v2.

use super::training::{cosine_to, larc, linear_probe};
use super::views::multi_crop;
use ssl_plugin_api::Fault;
use ssl_plugin_api::description::{
    CheckpointMap, Description, Encoder, EncoderRequest, GroupRule, Grouping, LearningRate, Recipe,
    Scaling, Warmup,
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

/// All crops from the trained encoder, by resolution; LARC, batch 4096, learning rate 0.3 to 4.8 over 10 epochs, then
/// a cosine to a thousandth of it per step, weight decay 1e-6 on everything; the linear evaluation of the repository.
#[must_use]
pub fn multi_crop_description(
    num_crops: &[usize],
    epochs: u64,
    groups: Vec<GroupRule>,
) -> Description {
    let lr = LearningRate {
        base: 0.3,
        scaling: Scaling::Linear,
        warmup: Some(Warmup {
            epochs: 10.0,
            start: 0.3 / 16.0,
        }),
        decay: cosine_to(1e-3),
    };
    let recipe = Recipe {
        groups,
        ..Recipe::new(4096, epochs, larc(), lr, 1e-6)
    };
    let views = 0..num_crops.iter().sum();
    Description {
        linear: Some(linear_probe(100, 256, 0.3, 1e-6)),
        ..Description::new(
            multi_crop(num_crops),
            vec![EncoderRequest::pooled(
                Encoder::Online,
                views,
                Grouping::ByResolution,
            )],
            recipe,
        )
    }
}

/// Names of backbone and projector in the repository's checkpoints.
#[must_use]
pub fn multi_crop_checkpoint() -> CheckpointMap {
    CheckpointMap::nested("state_dict")
        .backbone(r"(?:module\.)?")
        .head(r"(?:module\.)?projection_head\.", "projector")
}
