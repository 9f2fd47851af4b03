//! Batch normalisation over rows, with PyTorch's semantics.

use super::error::{BlockError, check_columns};
use crate::module::{Buffer, Module, Path, Visitor, Weight};
use crate::ranks::Ranks;
use burn::tensor::{Device, Tensor};
use ssl_plugin_api::export::called;

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
        let mean = self.mean_over_ranks(&x, rows)?; // [1, dim]
        let centred = x - mean.clone();
        // Second pass over centred values: no cancellation, however far the mean is from zero.
        let var = self.mean_over_ranks(&centred.clone().square(), rows)?; // [1, dim]
        self.track(&mean, &var, rows);
        Ok(self.scale_and_shift(centred, var))
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
        let centred = x - self.running_mean.val().unsqueeze();
        Ok(self.scale_and_shift(centred, self.running_var.val().unsqueeze()))
    }

    fn mean_over_ranks(&self, x: &Tensor<2>, rows: usize) -> Result<Tensor<2>, BlockError> {
        Ok(self.ranks.all_reduce_sum(x.clone().sum_dim(0))? * (1.0 / rows as f64))
    }

    fn track(&mut self, mean: &Tensor<2>, var: &Tensor<2>, rows: usize) {
        let unbiased = rows as f64 / (rows as f64 - 1.0);
        let move_towards = |running: &mut Buffer<1>, batch: &Tensor<2>, factor: f64| {
            let batch = batch.clone().without_autodiff().reshape([self.dim]);
            running.set(&(running.val() * (1.0 - MOMENTUM) + batch * (MOMENTUM * factor)));
        };
        move_towards(&mut self.running_mean, mean, 1.0);
        move_towards(&mut self.running_var, var, unbiased);
    }

    /// `centred / √(var + ε) · weight + bias`, the factors multiplied first: one pass over the rows.
    fn scale_and_shift(&self, centred: Tensor<2>, var: Tensor<2>) -> Tensor<2> {
        let scale = (var + EPSILON).sqrt().recip();
        let scale = match &self.weight {
            Some(weight) => scale * weight.val().unsqueeze(),
            None => scale,
        };
        let scaled = centred * scale;
        match &self.bias {
            Some(bias) => scaled + bias.val().unsqueeze(),
            None => scaled,
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
