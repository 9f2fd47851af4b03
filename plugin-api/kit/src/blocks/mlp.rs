//! Projectors and predictors: layers numbered as in a PyTorch `Sequential`.

use super::batch_norm::{Affine, BatchNorm1d};
use super::error::BlockError;
use super::init::Init;
use super::linear::Linear;
use crate::module::{Module, Path, Visitor};
use crate::random::Random;
use crate::ranks::Ranks;
use burn::tensor::{Device, Tensor, activation};
use ssl_plugin_api::export::called;

/// One layer of an [`Mlp`].
enum Layer {
    Linear(Box<Linear>),
    BatchNorm(Box<BatchNorm1d>),
    Relu,
    Gelu,
}

/// A chain of layers whose tensors are named by their place in it, activations counted: `0.weight`, `1.running_mean`, …
///
/// Made with [`MlpBuilder`].
pub struct Mlp {
    layers: Vec<Layer>,
}

impl Mlp {
    /// Runs the layers with batch statistics, and updates the running ones.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - returns `[rows, outputs]`
    ///
    /// # Errors
    /// [`BlockError::Shape`] for another width, [`BlockError::BatchTooSmall`] with batch norm and fewer than 2 rows.
    #[track_caller]
    pub fn forward(&mut self, x: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        let _call = called();
        self.layers.iter_mut().try_fold(x, |x, layer| match layer {
            Layer::BatchNorm(norm) => norm.forward(x),
            other => other.apply(x),
        })
    }

    /// Runs the layers with the running statistics, which stay as they are.
    ///
    /// # Shapes
    /// As [`Mlp::forward`].
    ///
    /// # Errors
    /// [`BlockError::Shape`] for another width.
    #[track_caller]
    pub fn forward_eval(&self, x: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        let _call = called();
        self.layers.iter().try_fold(x, |x, layer| layer.apply(x))
    }
}

impl Layer {
    fn apply(&self, x: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        match self {
            Self::Linear(linear) => linear.forward(x),
            Self::BatchNorm(norm) => norm.forward_eval(x),
            Self::Relu => Ok(activation::relu(x)),
            Self::Gelu => Ok(activation::gelu(x)),
        }
    }
}

impl Module for Mlp {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        for (index, layer) in self.layers.iter_mut().enumerate() {
            path.enter(index, |path| match layer {
                Layer::Linear(linear) => linear.visit(path, visitor),
                Layer::BatchNorm(norm) => norm.visit(path, visitor),
                Layer::Relu | Layer::Gelu => {}
            });
        }
    }
}

/// Describes an [`Mlp`] layer by layer; each Linear takes the width of what is before it.
///
/// ```
/// use ssl_plugin_kit::blocks::{Init, MlpBuilder};
/// // BYOL's projector: `0.{weight,bias}`, `1.{weight,bias,running_mean,running_var}`, `3.weight`.
/// let projector = MlpBuilder::new(2048).hidden(&[4096], true).linear(256, false).init(Init::FanIn);
/// assert_eq!(projector.outputs(), 256);
/// ```
#[derive(Clone, Debug)]
pub struct MlpBuilder {
    inputs: usize,
    layers: Vec<Plan>,
    init: Init,
}

#[derive(Clone, Copy, Debug)]
enum Plan {
    Linear { outputs: usize, bias: bool },
    BatchNorm(Affine),
    Relu,
    Gelu,
}

impl MlpBuilder {
    /// An empty chain on rows of width `inputs`.
    #[must_use]
    pub const fn new(inputs: usize) -> Self {
        Self {
            inputs,
            layers: Vec::new(),
            init: Init::Torch,
        }
    }

    /// Adds a [`Linear`].
    #[must_use]
    pub fn linear(self, outputs: usize, bias: bool) -> Self {
        self.with(Plan::Linear { outputs, bias })
    }

    /// Adds a [`BatchNorm1d`].
    #[must_use]
    pub fn batch_norm(self, affine: Affine) -> Self {
        self.with(Plan::BatchNorm(affine))
    }

    /// Adds `max(x, 0)`.
    #[must_use]
    pub fn relu(self) -> Self {
        self.with(Plan::Relu)
    }

    /// Adds the exact Gaussian error linear unit, `x · ½(1 + erf(x/√2))`.
    #[must_use]
    pub fn gelu(self) -> Self {
        self.with(Plan::Gelu)
    }

    /// Adds the same layers `times` times.
    #[must_use]
    pub fn repeat(self, times: usize, layers: impl Fn(Self) -> Self) -> Self {
        (0..times).fold(self, |builder, _| layers(builder))
    }

    /// Adds a [`Linear`] of each of these widths, each followed by a [`BatchNorm1d`] with scale and offset and
    /// by `max(x, 0)`.
    #[must_use]
    pub fn hidden(self, widths: &[usize], bias: bool) -> Self {
        widths.iter().fold(self, |builder, &width| {
            let builder = builder.linear(width, bias);
            builder.batch_norm(Affine::Full).relu()
        })
    }

    /// Adds [`hidden`](Self::hidden) layers of all these widths but the last, and for that a [`Linear`] without bias;
    /// nothing for no width.
    #[must_use]
    pub fn stack(self, widths: &[usize], bias: bool) -> Self {
        match widths {
            [] => self,
            [hidden @ .., last] => self.hidden(hidden, bias).linear(*last, false),
        }
    }

    /// Chooses how the Linears start; PyTorch's default if this is not called.
    #[must_use]
    pub const fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Width of the rows that come out.
    #[must_use]
    pub fn outputs(&self) -> usize {
        let last = self.layers.iter().rev().find_map(|layer| match layer {
            Plan::Linear { outputs, .. } => Some(*outputs),
            _ => None,
        });
        last.unwrap_or(self.inputs)
    }

    /// Makes the layers, their weights drawn in order from `random`.
    pub fn build(&self, random: &mut Random, device: &Device, ranks: &Ranks) -> Mlp {
        let mut width = self.inputs;
        let layers = self.layers.iter().map(|plan| match *plan {
            Plan::Linear { outputs, bias } => {
                let inputs = std::mem::replace(&mut width, outputs);
                Layer::Linear(Box::new(Linear::new(
                    inputs, outputs, bias, self.init, random, device,
                )))
            }
            Plan::BatchNorm(affine) => Layer::BatchNorm(Box::new(BatchNorm1d::new(
                width,
                affine,
                device,
                ranks.clone(),
            ))),
            Plan::Relu => Layer::Relu,
            Plan::Gelu => Layer::Gelu,
        });
        Mlp {
            layers: layers.collect(),
        }
    }

    fn with(mut self, layer: Plan) -> Self {
        self.layers.push(layer);
        self
    }
}

#[cfg(test)]
mod tests;
