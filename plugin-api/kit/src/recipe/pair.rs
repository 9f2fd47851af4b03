//! The pair of views in which blur and solarisation differ.

use super::views::{blur, crop, flip, grayscale, group, jitter, normalize, solarize};
use ssl_plugin_api::description::{Interpolation, ViewGroup, ViewRole};

/// Barlow Twins' two views, VICReg's too: the first is always blurred and never solarised, the
/// second blurred once in ten and solarised once in five.
#[must_use]
pub fn asymmetric_pair() -> Vec<ViewGroup> {
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
