//! Adapting a paper's views, made for crops of 224 pixels, to small images.

use serde::{Deserialize, Serialize};
use ssl_plugin_api::description::{BlurKernel, Transform, ViewGroup, ViewRole};

/// Changes a benchmark makes to every framework's views alike.
///
/// On small images a crop of a twelfth of the area holds 9 × 9 pixels, and blur removes what little
/// detail there is; published CIFAR recipes therefore raise the smallest crop and drop the blur.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewTuning {
    /// Leaves blur out.
    pub drop_blur: bool,
    /// Leaves solarisation out.
    pub drop_solarize: bool,
    /// Least share of the area that a global crop may have, in `[0, 1]`; larger ones stay.
    pub min_area: Option<f32>,
    /// `[least, largest]` share of the area of local crops.
    pub local_area: Option<[f32; 2]>,
    /// Factor on the strengths of the colour jitter, in `[0, ∞)`.
    pub color_strength: Option<f32>,
}

/// Scales views from the recipe's own crop size `from` to `to`: every size in pixels, the taps of
/// a sampled blur (to the nearest odd number) and its standard deviations, by `to / from`; then
/// applies `tuning`. Probabilities and areas stay.
///
/// From 224 to 32: 224 becomes 32, 96 becomes 14, 160 becomes 23, 256 becomes 37.
#[must_use]
pub fn rescale(
    groups: &[ViewGroup],
    from: usize,
    to: usize,
    tuning: &ViewTuning,
) -> Vec<ViewGroup> {
    groups
        .iter()
        .map(|group| {
            let mut group = group.clone();
            group.transforms.retain(|t| !dropped(t, tuning));
            for transform in &mut group.transforms {
                scale(transform, from, to);
                tune(transform, group.role, tuning);
            }
            if let Some(grid) = &mut group.patches {
                grid.patch = pixels(grid.patch, from, to);
                grid.jitter = (grid.jitter * to + from / 2) / from;
            }
            group
        })
        .collect()
}

fn dropped(transform: &Transform, tuning: &ViewTuning) -> bool {
    match transform {
        Transform::GaussianBlur { .. } => tuning.drop_blur,
        Transform::Solarize { .. } => tuning.drop_solarize,
        _ => false,
    }
}

/// A length, rounded, at least 1.
fn pixels(length: usize, from: usize, to: usize) -> usize {
    ((length * to + from / 2) / from).max(1)
}

fn scale(transform: &mut Transform, from: usize, to: usize) {
    match transform {
        Transform::RandomResizedCrop { size, .. }
        | Transform::Resize { size, .. }
        | Transform::CenterCrop { size } => *size = pixels(*size, from, to),
        Transform::GaussianBlur { sigma, kernel, .. } => {
            *sigma = sigma.map(|s| s * to as f32 / from as f32);
            if let BlurKernel::Taps { taps } = kernel {
                // The odd number nearest to the scaled one.
                *taps = *taps * to / from / 2 * 2 + 1;
            }
        }
        _ => {}
    }
}

fn tune(transform: &mut Transform, role: ViewRole, tuning: &ViewTuning) {
    match transform {
        Transform::RandomResizedCrop { area, .. } => {
            match (role, tuning.min_area, tuning.local_area) {
                (ViewRole::Global, Some(least), _) => {
                    *area = [area[0].max(least), area[1].max(least)];
                }
                (ViewRole::Local, _, Some(local)) => *area = local,
                _ => {}
            }
        }
        Transform::ColorJitter {
            brightness,
            contrast,
            saturation,
            hue,
            ..
        } => {
            if let Some(strength) = tuning.color_strength {
                *brightness *= strength;
                *contrast *= strength;
                *saturation *= strength;
                *hue = (*hue * strength).min(0.5);
            }
        }
        _ => {}
    }
}
