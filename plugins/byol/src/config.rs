//! BYOL's configuration keys.

use serde::{Deserialize, Serialize};
use ssl_plugin_kit::api::description::{MomentumSchedule, Schema, ValueKind};
use ssl_plugin_kit::framework::{Config, key};
use ssl_plugin_kit::recipe::momentum;

/// BYOL's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByolConfig {
    /// Width of the projector's hidden layer.
    pub projector_hidden_dim: usize,
    /// Width of the projections.
    pub projector_dim: usize,
    /// Width of the predictor's hidden layer.
    pub predictor_hidden_dim: usize,
    /// Momentum of the target network at the start.
    pub momentum: f64,
    /// `cosine` or `constant`.
    pub momentum_schedule: String,
}

impl ByolConfig {
    /// The schedule of the target's momentum: applied after the optimiser, with the step just done.
    #[must_use]
    pub fn momentum(&self) -> MomentumSchedule {
        momentum(&self.momentum_schedule, self.momentum, 0)
    }
}

impl Config for ByolConfig {
    fn schema() -> Schema {
        let paper = "arXiv:2006.07733 section 3.3";
        let width =
            |name, default: usize, doc| key(name, ValueKind::at_least(1), default, doc, paper);
        Schema {
            keys: vec![
                width(
                    "projector_hidden_dim",
                    4096,
                    "width of the projector's hidden layer",
                ),
                width("projector_dim", 256, "width of the projections"),
                width(
                    "predictor_hidden_dim",
                    4096,
                    "width of the predictor's hidden layer",
                ),
                key(
                    "momentum",
                    ValueKind::fraction(),
                    0.996,
                    "momentum of the target network at the start, per step (0.99 for 100 and 300 epochs)",
                    "arXiv:2006.07733 section 3.3",
                ),
                key(
                    "momentum_schedule",
                    ValueKind::choice(&["cosine", "constant"]),
                    "cosine",
                    "how the momentum rises to 1",
                    "arXiv:2006.07733 section 3.3",
                ),
            ],
        }
    }
}
