//! Barlow Twins' configuration keys.

use serde::{Deserialize, Serialize};
use serde_json::json;
use ssl_plugin_kit::api::description::{Schema, ValueKind};
use ssl_plugin_kit::framework::{Config, key};

/// Barlow Twins' configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BarlowConfig {
    /// Widths of the projector's layers, the embedding's last.
    pub projector_dims: Vec<usize>,
    /// Weight of the redundancy term.
    pub lambda: f64,
}

impl Config for BarlowConfig {
    fn schema() -> Schema {
        Schema {
            keys: vec![
                key(
                    "projector_dims",
                    ValueKind::list(ValueKind::at_least(1), 1, usize::MAX),
                    json!([8192, 8192, 8192]),
                    "widths of the projector's layers, the embedding's last",
                    "arXiv:2103.03230 section 2.2; main.py --projector",
                ),
                key(
                    "lambda",
                    ValueKind::positive(),
                    0.0051,
                    "weight of the redundancy term",
                    "main.py --lambd (0.005 in arXiv:2103.03230 section 3)",
                ),
            ],
        }
    }
}
