//! The centre of the teacher's logits.

use ssl_plugin_kit::module::{Buffer, Module, Path, Visitor};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Fault, Tensor};

/// A moving average of the teacher's logits, `[1, out_dim]`; starts at 0.
pub struct Center(pub Buffer<2>);

impl Center {
    /// The centre.
    pub fn val(&self) -> Tensor<2> {
        self.0.val()
    }

    /// `c ← m·c + (1 − m)·mean of the rows`, over both large crops and all ranks, of raw logits.
    ///
    /// # Shapes
    /// - `logits`: each `[batch, out_dim]`
    ///
    /// # Errors
    /// A collective that failed.
    ///
    /// # Source
    /// `main_dino.py`, `DINOLoss.update_center`.
    pub fn update(&mut self, logits: &[Tensor<2>], m: f64, ranks: &Ranks) -> Result<(), Fault> {
        let own = Tensor::cat(logits.to_vec(), 0).without_autodiff();
        let rows = own.dims()[0] * ranks.world_size();
        let sum = ranks.all_reduce_sum(own.sum_dim(0))?; // [1, out_dim]
        let mean = sum.div_scalar(rows as f64);
        self.0
            .set(&(self.val().mul_scalar(m) + mean.mul_scalar(1.0 - m)));
        Ok(())
    }
}

impl Module for Center {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        self.0.visit(path, visitor);
    }
}
