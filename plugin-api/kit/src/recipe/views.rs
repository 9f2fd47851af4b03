//! Transforms with the parameters that official codes share.

use ssl_plugin_api::description::{
    BlurKernel, Brightness, IMAGENET_MEAN, IMAGENET_STD, Interpolation, Transform, ViewGroup,
    ViewRole,
};

/// Pillow's threshold of 128 for solarisation, as a fraction.
pub const SOLARIZE_THRESHOLD: f32 = 128.0 / 255.0;
/// The standard deviations of SwAV's code: 0.228 for red.
pub const MULTI_CROP_STD: [f32; 3] = [0.228, 0.224, 0.225];

/// A group of `count` views that share one recipe.
#[must_use]
pub fn group(name: &str, count: usize, role: ViewRole, transforms: Vec<Transform>) -> ViewGroup {
    ViewGroup {
        name: name.to_owned(),
        count,
        role,
        transforms,
        patches: None,
    }
}

/// A random resized crop with aspect ratios of 3/4 to 4/3.
#[must_use]
pub const fn crop(size: usize, area: [f32; 2], interpolation: Interpolation) -> Transform {
    Transform::RandomResizedCrop {
        size,
        area,
        ratio: [3.0 / 4.0, 4.0 / 3.0],
        interpolation,
    }
}

/// A horizontal flip of every second image.
#[must_use]
pub const fn flip() -> Transform {
    Transform::HorizontalFlip { p: 0.5 }
}

/// torchvision's colour jitter with probability `p`; strengths of brightness, contrast, saturation
/// and hue.
#[must_use]
pub const fn jitter(p: f32, [brightness, contrast, saturation, hue]: [f32; 4]) -> Transform {
    Transform::ColorJitter {
        p,
        brightness,
        contrast,
        saturation,
        hue,
        brightness_form: Brightness::Factor,
    }
}

/// Greyscale of every fifth image.
#[must_use]
pub const fn grayscale() -> Transform {
    Transform::Grayscale { p: 0.2 }
}

/// Pillow's Gaussian blur with probability `p` and a radius of 0.1 to 2 pixels.
#[must_use]
pub const fn blur(p: f32) -> Transform {
    Transform::GaussianBlur {
        p,
        sigma: [0.1, 2.0],
        kernel: BlurKernel::Pil,
    }
}

/// Solarisation with probability `p` at Pillow's threshold of 128.
#[must_use]
pub const fn solarize(p: f32) -> Transform {
    Transform::Solarize {
        p,
        threshold: SOLARIZE_THRESHOLD,
    }
}

/// Normalisation by ImageNet's means and standard deviations.
#[must_use]
pub const fn normalize() -> Transform {
    normalize_with(IMAGENET_STD)
}

/// Normalisation by ImageNet's means and these standard deviations.
#[must_use]
pub const fn normalize_with(std: [f32; 3]) -> Transform {
    Transform::Normalize {
        mean: IMAGENET_MEAN,
        std,
    }
}

/// SwAV's crops, large and small, also DeepCluster-v2's and SeLa-v2's: all alike but for size and
/// area. With one resolution the large crops take 0.08 to 1 of the area, with two 0.14 to 1, and the
/// small ones 0.05 to 0.14.
#[must_use]
pub fn multi_crop(num_crops: &[usize]) -> Vec<ViewGroup> {
    let least = if num_crops.len() > 1 { 0.14 } else { 0.08 };
    let sizes = [
        ("large", ViewRole::Global, 224, [least, 1.0]),
        ("small", ViewRole::Local, 96, [0.05, 0.14]),
    ];
    num_crops
        .iter()
        .zip(sizes)
        .map(|(&count, (name, role, size, area))| {
            let transforms = vec![
                crop(size, area, Interpolation::Bilinear),
                flip(),
                jitter(0.8, [0.8, 0.8, 0.8, 0.2]),
                grayscale(),
                blur(0.5),
                normalize_with(MULTI_CROP_STD),
            ];
            group(name, count, role, transforms)
        })
        .collect()
}
