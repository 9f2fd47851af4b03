//! SimSiam's configuration keys.

use serde::{Deserialize, Serialize};
use ssl_plugin_kit::api::description::{Schema, ValueKind};
use ssl_plugin_kit::framework::{Config, key};

/// SimSiam's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimSiamConfig {
    /// Width of the projections.
    pub projector_dim: usize,
    /// Width of the predictor's hidden layer.
    pub predictor_hidden_dim: usize,
    /// Whether the predictor's learning rate stays at its peak.
    pub constant_predictor_lr: bool,
}

impl Config for SimSiamConfig {
    fn schema() -> Schema {
        Schema {
            keys: vec![
                key(
                    "projector_dim",
                    ValueKind::at_least(1),
                    2048,
                    "width of the projections; the projector's hidden layers are as wide as the features",
                    "arXiv:2011.10566 section 3; main_simsiam.py --dim",
                ),
                key(
                    "predictor_hidden_dim",
                    ValueKind::at_least(1),
                    512,
                    "width of the predictor's hidden layer",
                    "arXiv:2011.10566 section 3; main_simsiam.py --pred-dim",
                ),
                key(
                    "constant_predictor_lr",
                    ValueKind::Bool,
                    true,
                    "whether the predictor's learning rate stays at its peak while the rest decays",
                    "arXiv:2011.10566 table 1; --fix-pred-lr in the README's command",
                ),
            ],
        }
    }
}
