//! Batch normalisation over rows, with PyTorch's semantics.

#![expect(
    deprecated,
    reason = "burn-tch 0.22.1 is the last release of the libtorch backend"
)]

use super::error::{BlockError, check_columns};
use crate::bridge::from_tch;
use crate::graph::{Place, enter, record};
use crate::module::{Buffer, Module, Path, Visitor, Weight};
use crate::ranks::Ranks;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::{Device, Tensor};
use burn_tch::{LibTorch, TchTensor};
use ssl_plugin_api::export::called;
use tch::Kind;

/// Added to the variance under the root.
pub const EPSILON: f64 = 1e-5;
/// Weight of the newest batch in the running statistics.
pub const MOMENTUM: f64 = 0.1;

/// Which trained parameters follow the normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affine {
    /// Scale and offset.
    Full,
    /// Scale, no offset (SimCLR's last batch norm).
    Scale,
    /// Neither (SimSiam's last batch norm, Barlow Twins' `bn`).
    None,
}

/// Batch normalisation of rows: `y = (x − mean) / √(var + ε) · weight + bias`, column by column.
///
/// In training the statistics are the batch's: `var` divides by the number of rows `n`. The running statistics
/// move by a tenth towards them, `running_var` towards the unbiased variance (divisor `n − 1`); they are state and
/// carry no gradient. Training needs no autodiff, so momentum heads use the same function.
///
/// With several ranks the statistics are those of all ranks' rows together, and the gradient passes through them;
/// every rank has to bring the same number of rows.
///
/// ```
/// use ssl_plugin_kit::blocks::{Affine, BatchNorm1d};
/// use ssl_plugin_kit::{ranks::Ranks, testing::{close, cpu, matrix, values}};
///
/// let mut norm = BatchNorm1d::new(1, Affine::None, &cpu(), Ranks::single());
/// let y = norm.forward(matrix([[1.0], [3.0]])).unwrap();
/// close(&values(y), &[-1.0, 1.0], 1e-4);
/// close(&values(norm.running_mean.val()), &[0.2], 1e-6);
/// ```
///
/// Names: `weight`, `bias` `[dim]` as far as `Affine` says, `running_mean`, `running_var` `[dim]`.
/// Defaults: ε 1e-5, momentum 0.1, weight 1, bias 0, running mean 0, running variance 1, as in PyTorch.
///
/// # Source
/// Ioffe and Szegedy (arXiv:1502.03167); `torch.nn.BatchNorm1d` and `SyncBatchNorm`.
pub struct BatchNorm1d {
    /// Scale, `[dim]`.
    pub weight: Option<Weight<1>>,
    /// Offset, `[dim]`.
    pub bias: Option<Weight<1>>,
    /// Moving average of the batches' means, `[dim]`.
    pub running_mean: Buffer<1>,
    /// Moving average of the batches' unbiased variances, `[dim]`.
    pub running_var: Buffer<1>,
    dim: usize,
    ranks: Ranks,
}

impl BatchNorm1d {
    /// Normalisation of `dim` columns over the rows of all `ranks`.
    #[must_use]
    pub fn new(dim: usize, affine: Affine, device: &Device, ranks: Ranks) -> Self {
        Self {
            weight: (affine != Affine::None).then(|| Weight::new(Tensor::ones([dim], device))),
            bias: (affine == Affine::Full).then(|| Weight::new(Tensor::zeros([dim], device))),
            running_mean: Buffer::new(Tensor::zeros([dim], device)),
            running_var: Buffer::new(Tensor::ones([dim], device)),
            dim,
            ranks,
        }
    }

    /// Normalises with the statistics of the batch and updates the running ones.
    ///
    /// # Shapes
    /// - `x`: `[rows, dim]`, at least 2 rows over all ranks
    /// - returns `[rows, dim]`
    ///
    /// # Errors
    /// [`BlockError::Shape`] for another width, [`BlockError::BatchTooSmall`] below 2 rows,
    /// [`BlockError::Collective`] when the ranks do not reach each other.
    #[track_caller]
    pub fn forward(&mut self, x: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        let _call = called();
        check_columns(x.dims(), self.dim, "input", "batch norm")?;
        let rows = x.dims()[0] * self.ranks.world_size();
        if rows < 2 {
            return Err(BlockError::BatchTooSmall {
                rows,
                at: "batch norm",
            });
        }
        let device = x.device();
        let (x, of_x) = enter(x);
        let mean = self.mean_over_ranks(&x.tensor, rows)?; // [1, dim]
        let mut centred = x.tensor - &mean;
        // Second pass over centred values: no cancellation, however far the mean is from zero.
        let var = self.mean_over_ranks(&centred.square(), rows)?; // [1, dim]
        self.track(&mean, &var, rows);
        let inverse = (var + EPSILON).rsqrt();
        // Gradients are made of these rows: products with the centred ones would overflow where features are huge.
        let unit = centred.g_mul_(&inverse);
        let (weight, of_weight) = match &self.weight {
            Some(weight) => {
                let (weight, place) = enter(weight.val());
                (Some(weight.tensor), place)
            }
            None => (None, Place::none(&device)),
        };
        let scale = weight
            .as_ref()
            .map_or_else(|| inverse.shallow_clone(), |weight| &inverse * weight);
        let unit = TchTensor::new(unit);
        let scaled = weight.as_ref().map(|weight| &unit.tensor * weight);
        let (output, of_bias) = match (&self.bias, scaled) {
            (Some(bias), scaled) => {
                let (bias, place) = enter(bias.val());
                let mut scaled = scaled.unwrap_or_else(|| unit.tensor.copy());
                (TchTensor::new(scaled.g_add_(&bias.tensor)), place)
            }
            (None, Some(scaled)) => (TchTensor::new(scaled), Place::none(&device)),
            (None, None) => (unit.clone(), Place::none(&device)),
        };
        let state = Normalised {
            unit,
            scale: TchTensor::new(scale),
            rows,
            ranks: self.ranks.clone(),
        };
        let inputs = [of_x, of_weight, of_bias];
        Ok(record(Normalise, inputs, output, state))
    }

    /// Normalises with the running statistics, which stay as they are.
    ///
    /// # Shapes
    /// - `x`: `[rows, dim]`
    /// - returns `[rows, dim]`
    ///
    /// # Errors
    /// [`BlockError::Shape`] for another width.
    #[track_caller]
    pub fn forward_eval(&self, x: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        let _call = called();
        check_columns(x.dims(), self.dim, "input", "batch norm")?;
        let scale = (self.running_var.val().unsqueeze() + EPSILON)
            .sqrt()
            .recip();
        let scale: Tensor<2> = match &self.weight {
            Some(weight) => scale * weight.val().unsqueeze(),
            None => scale,
        };
        let scaled = (x - self.running_mean.val().unsqueeze()) * scale;
        Ok(match &self.bias {
            Some(bias) => scaled + bias.val().unsqueeze(),
            None => scaled,
        })
    }

    fn mean_over_ranks(&self, x: &tch::Tensor, rows: usize) -> Result<tch::Tensor, BlockError> {
        Ok(self.ranks.sum(column_sums(x))? * (1.0 / rows as f64))
    }

    fn track(&mut self, mean: &tch::Tensor, var: &tch::Tensor, rows: usize) {
        let unbiased = rows as f64 / (rows as f64 - 1.0);
        let move_towards = |running: &mut Buffer<1>, batch: &tch::Tensor, factor: f64| {
            let batch = from_tch::<2>(batch.copy()).reshape([self.dim]);
            running.set(&(running.val() * (1.0 - MOMENTUM) + batch * (MOMENTUM * factor)));
        };
        move_towards(&mut self.running_mean, mean, 1.0);
        move_towards(&mut self.running_var, var, unbiased);
    }
}

/// `[1, columns]`.
fn column_sums(x: &tch::Tensor) -> tch::Tensor {
    x.sum_dim_intlist(0, true, None::<Kind>)
}

/// What the gradient is made of.
#[derive(Clone, Debug)]
struct Normalised {
    /// Rows of mean 0 and variance 1, `[rows, dim]`.
    unit: TchTensor,
    /// `weight / √(var + ε)`, `[1, dim]`.
    scale: TchTensor,
    /// Rows of all ranks.
    rows: usize,
    ranks: Ranks,
}

/// Gradients of input, weight and bias:
///
/// ```text
/// dx = scale · (g − mean(g) − u · mean(g · u)),  dw = Σ g · u,  db = Σ g
/// ```
///
/// `u` are the rows of mean 0 and variance 1; means are over the rows of all ranks, sums over the own ones.
#[derive(Debug)]
struct Normalise;

impl Backward<LibTorch, 3> for Normalise {
    type State = Normalised;

    fn backward(self, ops: Ops<Normalised, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let g = gradients.consume::<LibTorch>(&ops.node).tensor;
        let Normalised {
            unit,
            scale,
            rows,
            ranks,
        } = ops.state;
        let sums = column_sums(&g);
        let products = column_sums(&(&g * &unit.tensor));
        let [of_x, of_weight, of_bias] = ops.parents;
        if let Some(of_x) = of_x {
            let mean = |sums: &tch::Tensor| match ranks.world_size() {
                1 => sums / rows as f64,
                _ => ranks.sum_of_gradients(sums) / rows as f64,
            };
            let mut gradient = &g - mean(&sums);
            let mut gradient = gradient.addcmul_(&unit.tensor, &mean(&products).neg());
            let gradient = TchTensor::new(gradient.g_mul_(&scale.tensor));
            gradients.register::<LibTorch>(of_x.id, gradient);
        }
        if let Some(of_weight) = of_weight {
            let gradient = TchTensor::new(products.squeeze_dim(0));
            gradients.register::<LibTorch>(of_weight.id, gradient);
        }
        if let Some(of_bias) = of_bias {
            gradients.register::<LibTorch>(of_bias.id, TchTensor::new(sums.squeeze_dim(0)));
        }
    }
}

impl Module for BatchNorm1d {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        if let Some(weight) = &mut self.weight {
            visitor.slot(&path.name("weight"), weight);
        }
        if let Some(bias) = &mut self.bias {
            visitor.slot(&path.name("bias"), bias);
        }
        visitor.slot(&path.name("running_mean"), &mut self.running_mean);
        visitor.slot(&path.name("running_var"), &mut self.running_var);
    }
}

#[cfg(test)]
mod tests;
