//! Evaluation transforms: the same for every framework.

use serde::{Deserialize, Serialize};
use ssl_plugin_api::description::{Interpolation, Transform, ViewGroup, ViewRole};

/// How images are brought to size for evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvalTransform {
    /// The shorter side resized to 256/224 of the size, then the middle: the standard of ImageNet.
    #[default]
    Standard,
    /// The same with bicubic interpolation (DINO).
    StandardBicubic,
    /// The shorter side resized to the size itself, then the middle: small images stay whole.
    Whole,
}

/// The evaluation view of `size` pixels, with a mean and a standard deviation where the framework
/// was trained with them ([`normalization`]).
#[must_use]
pub fn evaluation(
    transform: EvalTransform,
    size: usize,
    normalize: Option<([f32; 3], [f32; 3])>,
) -> ViewGroup {
    let (shorter, interpolation) = match transform {
        EvalTransform::Standard => (size * 256 / 224, Interpolation::Bilinear),
        EvalTransform::StandardBicubic => (size * 256 / 224, Interpolation::Bicubic),
        EvalTransform::Whole => (size, Interpolation::Bilinear),
    };
    let mut transforms = vec![
        Transform::Resize {
            size: shorter,
            interpolation,
        },
        Transform::CenterCrop { size },
    ];
    transforms.extend(normalize.map(|(mean, std)| Transform::Normalize { mean, std }));
    ViewGroup {
        name: "evaluation".to_owned(),
        count: 1,
        role: ViewRole::Whole,
        transforms,
        patches: None,
    }
}

/// The mean and standard deviation that training views were normalised with, so that evaluation
/// does the same; `None` where they were left in `[0, 1]` (SimCLR).
#[must_use]
pub fn normalization(groups: &[ViewGroup]) -> Option<([f32; 3], [f32; 3])> {
    groups
        .iter()
        .flat_map(|group| &group.transforms)
        .find_map(|t| match t {
            Transform::Normalize { mean, std } => Some((*mean, *std)),
            _ => None,
        })
}
