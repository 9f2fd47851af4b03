//! DINO's configuration, and the schedule of the teacher's temperature.

use crate::schema;
use serde::{Deserialize, Serialize};
use ssl_plugin_kit::api::description::{MomentumSchedule, Schema};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::momentum;

/// DINO's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DinoConfig {
    /// Width of the output.
    pub out_dim: usize,
    /// Linears of the projector.
    pub projector_layers: usize,
    /// Width of the projector's hidden layers.
    pub projector_hidden_dim: usize,
    /// Width between projector and last layer.
    pub bottleneck_dim: usize,
    /// Whether a batch norm follows each hidden Linear.
    pub projector_bn: bool,
    /// Whether the rows of the last layer keep the length 1.
    pub norm_last_layer: bool,
    /// Momentum of the teacher at the start.
    pub momentum: f64,
    /// `cosine` or `constant`.
    pub momentum_schedule: String,
    /// The teacher's temperature at epoch 0.
    pub warmup_teacher_temp: f64,
    /// The teacher's temperature after the warm-up.
    pub teacher_temp: f64,
    /// Epochs over which the teacher's temperature moves from one to the other.
    pub warmup_teacher_temp_epochs: u64,
    /// The student's temperature.
    pub student_temp: f64,
    /// Weight of the old centre in the new one.
    pub center_momentum: f64,
    /// Epochs for which the last layer gets no gradient.
    pub freeze_last_layer_epochs: u64,
    /// Largest norm of each parameter's gradient; 0 for no clipping.
    pub clip_grad: f64,
    /// Small crops beside the two large ones.
    pub num_local_crops: usize,
}

impl DinoConfig {
    /// Number of views: two large crops, then the small ones.
    #[must_use]
    pub const fn views(&self) -> usize {
        2 + self.num_local_crops
    }

    /// The schedule of the teacher's momentum: applied after the optimiser, with the step just done.
    #[must_use]
    pub fn momentum(&self) -> MomentumSchedule {
        momentum(&self.momentum_schedule, self.momentum, 0)
    }

    /// The teacher's temperature in an epoch: `a + (b − a)·e/(n − 1)` for `e < n`, then `b`, with `a` the
    /// warm-up's start, `b` its end and `n` its length.
    ///
    /// # Source
    /// `main_dino.py`, `DINOLoss.__init__`: `np.linspace(a, b, n)`, which gives `a` alone for `n = 1`.
    #[must_use]
    pub fn teacher_temp_at(&self, epoch: u64) -> f64 {
        let (from, to, length) = (
            self.warmup_teacher_temp,
            self.teacher_temp,
            self.warmup_teacher_temp_epochs,
        );
        if epoch >= length {
            return to;
        }
        from + (to - from) * epoch as f64 / (length - 1).max(1) as f64
    }
}

impl Config for DinoConfig {
    fn schema() -> Schema {
        schema::schema()
    }
}
