//! A frozen network for evaluation: batch norms folded into the convolutions before them.

use super::error::BackboneError;
use super::forward::{EPS, channels_last, check_images, pool, torch};
use super::plan::ConvNorm;
use super::registry::Backbone;
use super::window::Window;
use tch::{Kind, TchError, Tensor, no_grad};

/// A convolution with the batch norm after it.
#[derive(Debug)]
struct Folded {
    weight: Tensor,
    bias: Tensor,
    window: Window,
}

/// A residual block.
#[derive(Debug)]
struct FoldedBlock {
    layers: Vec<Folded>,
    shortcut: Option<Folded>,
}

/// What evaluation runs instead of a [`Backbone`]: the same features up to rounding, without running
/// statistics, gradients or a pass over memory for every batch norm.
#[derive(Debug)]
pub struct Inference {
    stem: Folded,
    max_pool: bool,
    blocks: Vec<FoldedBlock>,
}

impl Inference {
    /// Folds a backbone's running statistics into its convolutions:
    /// `w ← w·γ/√(σ² + ε)`, `b ← β − μ·γ/√(σ² + ε)`, in f64.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn of(backbone: &Backbone) -> Result<Self, BackboneError> {
        no_grad(|| {
            let plan = &backbone.plan;
            let fold = |layer: &ConvNorm| fold(backbone, layer);
            let blocks = plan
                .stages
                .iter()
                .flatten()
                .map(|block| {
                    Ok(FoldedBlock {
                        layers: block.layers.iter().map(fold).collect::<Result<_, _>>()?,
                        shortcut: block.shortcut.as_ref().map(fold).transpose()?,
                    })
                })
                .collect::<Result<_, TchError>>()
                .map_err(torch("folding the batch norms"))?;
            Ok(Self {
                stem: fold(&plan.stem).map_err(torch("folding the batch norms"))?,
                max_pool: plan.max_pool,
                blocks,
            })
        })
    }

    /// Pooled features `[batch, dim]` of images `[batch, 3, height, width]`.
    ///
    /// # Errors
    /// [`BackboneError::Images`] for another shape or element type, and what libtorch reports.
    pub fn features(&self, images: &Tensor) -> Result<Tensor, BackboneError> {
        check_images(images, false)?;
        no_grad(|| self.run(images).map_err(torch("the folded network")))
    }

    fn run(&self, images: &Tensor) -> Result<Tensor, TchError> {
        let mut x = self.stem.run(&channels_last(images)?)?.f_relu_()?;
        if self.max_pool {
            x = x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        }
        for block in &self.blocks {
            let mut y = block.layers[0].run(&x)?;
            for layer in &block.layers[1..] {
                y = layer.run(&y.f_relu_()?)?;
            }
            let mut y = match &block.shortcut {
                Some(shortcut) => y.f_add_(&shortcut.run(&x)?)?,
                None => y.f_add_(&x)?,
            };
            x = y.f_relu_()?;
        }
        pool(&x)
    }
}

impl Folded {
    fn run(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.window.convolve(x, &self.weight, Some(&self.bias))
    }
}

fn fold(backbone: &Backbone, layer: &ConvNorm) -> Result<Folded, TchError> {
    let parameter = |place: usize| backbone.parameters[place].tensor.f_to_kind(Kind::Double);
    let buffer = |place: usize| backbone.buffers[place].tensor.f_to_kind(Kind::Double);
    let scale = parameter(layer.scale)?.f_div(&buffer(layer.var)?.f_add_scalar(EPS)?.f_sqrt()?)?;
    let weight = parameter(layer.weight)?
        .f_mul(&scale.f_reshape([-1, 1, 1, 1])?)?
        .f_to_kind(Kind::Float)?;
    let bias = parameter(layer.offset)?
        .f_sub(&buffer(layer.mean)?.f_mul(&scale)?)?
        .f_to_kind(Kind::Float)?;
    Ok(Folded {
        weight: channels_last(&weight)?,
        bias,
        window: layer.window,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::backbone::{BackboneConfig, Depth, Stem};
    use ssl_plugin_api::description::BatchNormMode;
    use tch::Device;

    #[test]
    fn folded_networks_give_the_same_features() {
        for (depth, stem, size) in [
            (Depth::Resnet18, Stem::Cifar, 16),
            (Depth::Resnet50, Stem::Imagenet, 64),
        ] {
            let config = BackboneConfig {
                depth,
                stem,
                width: 0.25,
                ..BackboneConfig::default()
            };
            let backbone = Backbone::new(&config, 3, Device::Cpu).unwrap();
            // Statistics and scales that a wrong fold would not survive.
            no_grad(|| {
                for named in backbone.tensors() {
                    let mut tensor = named.tensor.shallow_clone();
                    if named.name.ends_with("running_mean") || named.name.ends_with("bias") {
                        tensor.copy_(
                            &(Tensor::arange(tensor.size()[0], (Kind::Float, Device::Cpu)).sin()
                                * 0.1),
                        );
                    } else if named.name.ends_with("running_var") || tensor.dim() == 1 {
                        tensor.copy_(
                            &(Tensor::arange(tensor.size()[0], (Kind::Float, Device::Cpu)).cos()
                                * 0.4
                                + 1.0),
                        );
                    }
                }
            });
            let images = Tensor::arange(3 * 3 * size * size, (Kind::Float, Device::Cpu))
                .reshape([3, 3, size, size])
                .sin();
            let expected = backbone.features(&images, BatchNormMode::Eval).unwrap();
            let found = Inference::of(&backbone).unwrap().features(&images).unwrap();
            let error = (&found - &expected).abs().max() / expected.abs().max();
            let error = error.double_value(&[]);
            assert!(error < 1e-5, "{error} ({depth:?})");
        }
    }
}
