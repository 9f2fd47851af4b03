//! How weights start.

use crate::random::Random;
use burn::tensor::{Device, Tensor};

/// Distribution a linear layer's weights start from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Init {
    /// PyTorch's default for linear layers: weight and bias uniform within `±1/√fan_in`.
    ///
    /// That is `kaiming_uniform_` with `a = √5` for the weight.
    #[default]
    Torch,
    /// Weight normal with this standard deviation, bias 0 (SimCLR and DeepCluster-v1: 0.01).
    Normal(f32),
    /// Weight normal with this standard deviation, drawn again where further than `limit` from 0; bias 0.
    ///
    /// DINO's heads: `std` 0.02 and PyTorch's limit of 2, which never bites.
    TruncatedNormal {
        /// Standard deviation before the cut.
        std: f32,
        /// Largest absolute value.
        limit: f32,
    },
    /// Weight normal with standard deviation `1/√fan_in`, cut at two of them; bias 0 (BYOL; Haiku's default).
    FanIn,
}

impl Init {
    /// A weight of shape `[outputs, inputs]`.
    pub fn weight(
        self,
        [outputs, inputs]: [usize; 2],
        random: &mut Random,
        device: &Device,
    ) -> Tensor<2> {
        let shape = [outputs, inputs];
        let bound = fan_in_bound(inputs);
        match self {
            Self::Torch => random.uniform(shape, -bound, bound, device),
            Self::Normal(std) => random.normal(shape, 0.0, std, device),
            Self::TruncatedNormal { std, limit } => {
                random.truncated_normal(shape, std, limit, device)
            }
            Self::FanIn => random.truncated_normal(shape, bound, 2.0 * bound, device),
        }
    }

    /// A bias of shape `[outputs]` for a layer with `inputs` inputs.
    pub fn bias(
        self,
        outputs: usize,
        inputs: usize,
        random: &mut Random,
        device: &Device,
    ) -> Tensor<1> {
        match self {
            Self::Torch => {
                let bound = fan_in_bound(inputs);
                random.uniform([outputs], -bound, bound, device)
            }
            Self::Normal(_) | Self::TruncatedNormal { .. } | Self::FanIn => {
                Tensor::zeros([outputs], device)
            }
        }
    }
}

fn fan_in_bound(inputs: usize) -> f32 {
    1.0 / (inputs.max(1) as f32).sqrt()
}
