//! What a backbone looks like: depth, stem, width.

use super::error::BackboneError;
use super::plan::Plan;
use serde::{Deserialize, Serialize};
use ssl_plugin_api::FeatureDim;
use ssl_plugin_api::description::Level;
use tch::Kind;

/// Depth of the residual network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// ResNet-18: basic blocks, 2-2-2-2.
    #[serde(rename = "resnet18")]
    Resnet18,
    /// ResNet-34: basic blocks, 3-4-6-3.
    #[serde(rename = "resnet34")]
    Resnet34,
    /// ResNet-50: bottleneck blocks, 3-4-6-3, stride in the 3×3 convolution.
    #[default]
    #[serde(rename = "resnet50")]
    Resnet50,
}

impl Depth {
    /// Blocks in each of the four stages.
    #[must_use]
    pub const fn blocks(self) -> [usize; 4] {
        match self {
            Self::Resnet18 => [2, 2, 2, 2],
            Self::Resnet34 | Self::Resnet50 => [3, 4, 6, 3],
        }
    }

    /// Channels out of a block over its planes: 1 for basic blocks, 4 for bottlenecks.
    #[must_use]
    pub const fn expansion(self) -> i64 {
        match self {
            Self::Resnet18 | Self::Resnet34 => 1,
            Self::Resnet50 => 4,
        }
    }
}

/// The layers before the first stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// 7×7 convolution of stride 2 (padding 3), batch norm, ReLU, 3×3 max-pool of stride 2.
    #[default]
    Imagenet,
    /// 3×3 convolution of stride 1 (padding 1), batch norm, ReLU; no pooling. For small images.
    Cifar,
}

/// Numbers that convolutions and the maps between them are computed in.
///
/// With bfloat16 each convolution has its input and its weight rounded to 8 significant bits, and so
/// are the maps between layers. Parameters, their gradients, the batch norms' statistics and every
/// feature that is given out stay f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComputePrecision {
    /// 32-bit floats.
    #[default]
    F32,
    /// bfloat16.
    Bf16,
}

impl ComputePrecision {
    /// The element type of the maps.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}

/// A backbone's architecture and how its parameters start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackboneConfig {
    /// Depth; default `resnet50`.
    pub depth: Depth,
    /// Stem; default `imagenet`.
    pub stem: Stem,
    /// Factor on the number of channels, in `(0, 8]`; default 1. See [`BackboneConfig::planes`].
    pub width: f64,
    /// Whether the last batch-norm scale of each residual block starts at 0; default false.
    pub zero_init_residual: bool,
}

impl Default for BackboneConfig {
    fn default() -> Self {
        Self {
            depth: Depth::default(),
            stem: Stem::default(),
            width: 1.0,
            zero_init_residual: false,
        }
    }
}

impl BackboneConfig {
    /// Planes of the four stages: `b, 2b, 4b, 8b` with `b = 64·width` rounded to the nearest
    /// multiple of 8, at least 8. Width 1 gives 64, 128, 256, 512; 0.25 gives 16, 32, 64, 128.
    #[must_use]
    pub fn planes(&self) -> [i64; 4] {
        let base = ((64.0 * self.width / 8.0).round() as i64).max(1) * 8;
        [base, 2 * base, 4 * base, 8 * base]
    }

    /// Channels of the feature map after each stage.
    #[must_use]
    pub fn channels(&self) -> [i64; 4] {
        self.planes().map(|p| p * self.depth.expansion())
    }

    /// Width of the pooled features: 2048 for a ResNet-50 of width 1.
    #[must_use]
    pub fn feature_dim(&self) -> i64 {
        self.channels()[3]
    }

    /// How many numbers parameters and buffers are.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        let plan = Plan::of(self);
        let specs = plan.parameters.iter().chain(&plan.buffers);
        specs
            .map(|spec| spec.shape.iter().product::<i64>() as u64)
            .sum()
    }

    /// Channels of every level of the output.
    #[must_use]
    pub fn feature_dims(&self) -> Vec<FeatureDim> {
        let [c1, c2, c3, c4] = self.channels();
        let levels = [
            (Level::Pooled, c4),
            (Level::Layer1, c1),
            (Level::Layer2, c2),
            (Level::Layer3, c3),
            (Level::Layer4, c4),
        ];
        let dim = |(level, dim)| FeatureDim {
            level,
            dim: dim as usize,
        };
        levels.into_iter().map(dim).collect()
    }

    /// By how much the network shrinks an image: 32 with the ImageNet stem, 8 with CIFAR's.
    #[must_use]
    pub const fn stride(&self) -> i64 {
        match self.stem {
            Stem::Imagenet => 32,
            Stem::Cifar => 8,
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`BackboneError::Width`] when the width is not in `(0, 8]`.
    pub fn validate(&self) -> Result<(), BackboneError> {
        if self.width > 0.0 && self.width <= 8.0 {
            Ok(())
        } else {
            Err(BackboneError::Width { found: self.width })
        }
    }
}
