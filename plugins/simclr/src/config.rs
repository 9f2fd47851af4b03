//! SimCLR's configuration keys.

use serde::{Deserialize, Serialize};
use ssl_plugin_kit::api::description::{Schema, ValueKind};
use ssl_plugin_kit::framework::{Config, key};

/// SimCLR's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimClrConfig {
    /// Linear layers of the projector.
    pub projector_layers: usize,
    /// Width of its hidden layers.
    pub projector_hidden_dim: usize,
    /// Width of its output.
    pub projector_dim: usize,
    /// Temperature of the softmax.
    pub temperature: f64,
}

impl Config for SimClrConfig {
    fn schema() -> Schema {
        Schema {
            keys: vec![
                key(
                    "projector_layers",
                    ValueKind::at_least(1),
                    2,
                    "linear layers of the projector (3 in SimCLRv2)",
                    "arXiv:2002.05709 section 3",
                ),
                key(
                    "projector_hidden_dim",
                    ValueKind::at_least(1),
                    2048,
                    "width of the projector's hidden layers",
                    "the width of ResNet-50's features",
                ),
                key(
                    "projector_dim",
                    ValueKind::at_least(1),
                    128,
                    "width of the projector's output",
                    "arXiv:2002.05709 section 3",
                ),
                key(
                    "temperature",
                    ValueKind::positive(),
                    0.1,
                    "temperature of the softmax (0.5 for CIFAR-10)",
                    "arXiv:2002.05709 table 5; run.py",
                ),
            ],
        }
    }
}
