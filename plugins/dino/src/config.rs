//! DINO's configuration, and the schedule of the teacher's temperature.

use ssl_plugin_kit::prelude::*;

config! {
    /// DINO's configuration.
    pub struct DinoConfig {
        /// Width of the output; 60000 for the published ResNet-50.
        out_dim: usize = 65536, in at_least(1), from "main_dino.py";
        /// Linears of the projector; 2 for the published ResNet-50.
        projector_layers: usize = 3, in layers(), from "vision_transformer.py, DINOHead";
        /// Width of the projector's hidden layers; 4096 for the published ResNet-50.
        projector_hidden_dim: usize = 2048, in at_least(1), from "vision_transformer.py, DINOHead";
        /// Width between projector and last layer.
        bottleneck_dim: usize = 256, in at_least(1), from "vision_transformer.py, DINOHead";
        /// Batch norm after each hidden Linear; true for the published ResNet-50.
        projector_bn: bool = false, in boolean(), from "main_dino.py";
        /// Whether the rows of the last layer keep the length 1.
        norm_last_layer: bool = true, in boolean(), from "main_dino.py";
        /// Momentum of the teacher at the start, per step.
        momentum: f64 = 0.996, in fraction(), from "main_dino.py";
        /// How the momentum rises to 1.
        momentum_schedule: String = "cosine", in one_of(&["cosine", "constant"]),
            from "main_dino.py";
        /// The teacher's temperature at epoch 0.
        warmup_teacher_temp: f64 = 0.04, in temperature(), from "main_dino.py";
        /// The teacher's temperature after its warm-up; 0.07 for the published ResNet-50.
        teacher_temp: f64 = 0.04, in temperature(), from "main_dino.py";
        /// Epochs over which the teacher's temperature moves; 50 for the published ResNet-50.
        warmup_teacher_temp_epochs: u64 = 0, in at_least(0), from "main_dino.py";
        /// The student's temperature.
        student_temp: f64 = 0.1, in temperature(), from "arXiv:2104.14294 section 3.2";
        /// Weight of the old centre in the new one, per step.
        center_momentum: f64 = 0.9, in fraction(), from "main_dino.py";
        /// Epochs for which the last layer gets no gradient.
        freeze_last_layer_epochs: u64 = 1, in at_least(0), from "main_dino.py";
        /// Largest norm of each parameter's gradient, 0 for no clipping; 0 for the published ResNet-50.
        clip_grad: f64 = 3.0, in not_negative(), from "main_dino.py";
        /// Small crops beside the two large ones; 6 for the published ResNet-50.
        num_local_crops: usize = 8, in whole(0, 64), from "main_dino.py";
    }
}

impl DinoConfig {
    /// Number of views: two large crops, then the small ones.
    #[must_use]
    pub const fn views(&self) -> usize {
        2 + self.num_local_crops
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
