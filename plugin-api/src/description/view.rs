//! Views: the crops of one image and the augmentations of each, in the order they are applied.

use serde::{Deserialize, Serialize};

/// Channel means of ImageNet in `[0, 1]`, in the order red, green, blue.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Channel standard deviations of ImageNet in `[0, 1]`.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Views that share one recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewGroup {
    /// A short name for tables and logs, for instance `global` or `local`.
    pub name: String,
    /// How many views the group gives; each draws its own random numbers, unless `patches` is set.
    pub count: usize,
    /// What the views are for.
    #[serde(default)]
    pub role: ViewRole,
    /// The transforms, in order. The first one that gives a size is the geometry.
    pub transforms: Vec<Transform>,
    /// When set, the transforms are drawn **once** and the views are `count` cells of a grid over
    /// the result, chosen without replacement (OBoW).
    #[serde(default)]
    pub patches: Option<PatchGrid>,
}

/// What a group of views is for; the host does not act on it, tables and docs do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewRole {
    /// Large crops.
    #[default]
    Global,
    /// Small crops of multi-crop recipes.
    Local,
    /// The whole image, hardly augmented (OBoW's teacher).
    Whole,
}

/// A `grid × grid` arrangement of overlapping square patches, each jittered.
///
/// Patch `(i, j)` starts at row `i·⌊(size − patch − jitter)/(grid − 1)⌋ + jitter_row`, likewise for
/// the column, with both jitters uniform in `0 ..= jitter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchGrid {
    /// Rows and columns of the grid.
    pub grid: usize,
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Largest jitter in pixels, both ends included.
    pub jitter: usize,
}

/// Interpolation of a resize; all with antialias, as Pillow does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// Triangle filter.
    Bilinear,
    /// Catmull-Rom filter with a = −0.5, as Pillow.
    Bicubic,
}

/// How the blur kernel is formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum BlurKernel {
    /// Pillow's `GaussianBlur`: three box blurs that approximate the Gaussian of the given radius.
    Pil,
    /// A sampled Gaussian with this odd number of taps at the recipe's own crop size.
    Taps {
        /// Number of taps.
        taps: usize,
    },
}

/// What a brightness draw does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Brightness {
    /// Multiplies by a factor uniform in `max(0, 1 − b) ..= 1 + b` (torchvision).
    #[default]
    Factor,
    /// Adds a number uniform in `−b ..= b` (BYOL's code, SimCLR v1).
    Additive,
}

/// One step of a view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "op")]
#[non_exhaustive]
pub enum Transform {
    /// A random part of the image (torchvision's sampling rule: ten tries, then a centre crop),
    /// resized to a square.
    RandomResizedCrop {
        /// Side of the result in pixels.
        size: usize,
        /// Least and largest share of the image's area.
        area: [f32; 2],
        /// Least and largest width over height; drawn log-uniformly.
        ratio: [f32; 2],
        /// Interpolation of the resize.
        interpolation: Interpolation,
    },
    /// Resizes the shorter side, keeping the aspect ratio.
    Resize {
        /// Length of the shorter side in pixels.
        size: usize,
        /// Interpolation of the resize.
        interpolation: Interpolation,
    },
    /// The square in the middle.
    CenterCrop {
        /// Side in pixels.
        size: usize,
    },
    /// Mirrors left and right with probability `p`.
    HorizontalFlip {
        /// Probability.
        p: f32,
    },
    /// With probability `p`: brightness, contrast, saturation and hue in random order, each clipped
    /// to `[0, 1]`. A strength of `s` draws a factor from `max(0, 1 − s) ..= 1 + s`; hue shifts by
    /// `−hue ..= hue` of a full turn.
    ColorJitter {
        /// Probability.
        p: f32,
        /// Strength of the brightness change.
        brightness: f32,
        /// Strength of the contrast change.
        contrast: f32,
        /// Strength of the saturation change.
        saturation: f32,
        /// Largest hue shift in turns, at most 0.5.
        hue: f32,
        /// Whether brightness multiplies or adds.
        #[serde(default)]
        brightness_form: Brightness,
    },
    /// Replaces the colours by luma (ITU-R 601-2) with probability `p`.
    Grayscale {
        /// Probability.
        p: f32,
    },
    /// Blurs with probability `p`, with a standard deviation uniform in `sigma`.
    GaussianBlur {
        /// Probability.
        p: f32,
        /// Least and largest standard deviation, in pixels of the recipe's own crop size.
        sigma: [f32; 2],
        /// How the kernel is formed.
        kernel: BlurKernel,
    },
    /// Inverts every value at or above `threshold` with probability `p`.
    Solarize {
        /// Probability.
        p: f32,
        /// Threshold in `[0, 1]`; Pillow's 128 is `128/255`.
        threshold: f32,
    },
    /// Subtracts the mean and divides by the standard deviation, channel by channel.
    Normalize {
        /// Means.
        mean: [f32; 3],
        /// Standard deviations.
        std: [f32; 3],
    },
}

impl ViewGroup {
    /// Side of the group's views in pixels, where a transform says it.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        if let Some(patches) = self.patches {
            return Some(patches.patch);
        }
        self.transforms.iter().rev().find_map(|t| match t {
            Transform::RandomResizedCrop { size, .. } | Transform::CenterCrop { size } => {
                Some(*size)
            }
            _ => None,
        })
    }

    pub(super) fn validate(&self, faults: &mut Vec<String>) {
        let name = &self.name;
        if self.count == 0 {
            faults.push(format!("view group {name}: expected count >= 1, found 0"));
        }
        if self.size().is_none() {
            faults.push(format!(
                "view group {name}: expected a random-resized-crop or center-crop that fixes the size, found none"
            ));
        }
        if let Some(grid) = self.patches
            && self.count > grid.grid * grid.grid
        {
            faults.push(format!(
                "view group {name}: expected at most {} patches of a {}x{} grid, found {}",
                grid.grid * grid.grid,
                grid.grid,
                grid.grid,
                self.count
            ));
        }
        for transform in &self.transforms {
            if let Some(p) = transform.probability()
                && !(0.0..=1.0).contains(&p)
            {
                faults.push(format!(
                    "view group {name}: expected a probability in [0, 1], found {p}"
                ));
            }
        }
    }
}

impl Transform {
    /// The probability of the step, where it has one.
    #[must_use]
    pub fn probability(&self) -> Option<f32> {
        match self {
            Self::HorizontalFlip { p }
            | Self::ColorJitter { p, .. }
            | Self::Grayscale { p }
            | Self::GaussianBlur { p, .. }
            | Self::Solarize { p, .. } => Some(*p),
            _ => None,
        }
    }
}
