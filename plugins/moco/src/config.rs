//! MoCo's configuration: one struct for both versions.

use crate::schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::api::description::{MomentumSchedule, Schema};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::momentum;

/// Which MoCo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// A queue of keys; one-sided.
    V2,
    /// Keys of the batch; symmetric, with a predictor.
    V3,
}

/// MoCo's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MocoConfig {
    /// Which MoCo.
    pub version: Version,
    /// Linear layers of the projector; 1 is the head of MoCo v1.
    pub projector_layers: usize,
    /// Width of the projector's hidden layers.
    pub projector_hidden_dim: usize,
    /// Width of queries and keys.
    pub projector_dim: usize,
    /// Linear layers of the predictor (v3).
    pub predictor_layers: Option<usize>,
    /// Width of the predictor's hidden layers (v3).
    pub predictor_hidden_dim: Option<usize>,
    /// Whether a batch norm without scale and offset ends the predictor (v3).
    pub predictor_last_bn: Option<bool>,
    /// Keys in the queue (v2).
    pub queue_size: Option<usize>,
    /// Temperature of the softmax.
    pub temperature: f64,
    /// Momentum of the key encoder, per step; at the start where it rises.
    pub momentum: f64,
    /// `constant` or `cosine`.
    pub momentum_schedule: String,
}

impl MocoConfig {
    /// The schedule of the key encoder's momentum.
    ///
    /// The official codes average at the start of a step; the host does it after the optimiser,
    /// with the momentum of the step that follows.
    #[must_use]
    pub fn momentum(&self) -> MomentumSchedule {
        momentum(&self.momentum_schedule, self.momentum, 1)
    }
}

impl Config for MocoConfig {
    fn schema() -> Schema {
        schema::schema()
    }

    fn presets(given: &mut Map<String, Value>) {
        let v3 = given.get("version").and_then(Value::as_str) == Some("v3");
        for (key, value) in schema::defaults(v3) {
            let here = given.entry(key).or_insert(Value::Null);
            if here.is_null() {
                *here = value;
            }
        }
    }

    fn check(&self) -> Result<(), Fault> {
        let (own, other): (_, &[(&str, bool)]) = match self.version {
            Version::V2 => (
                "v2",
                &[
                    ("predictor_layers", self.predictor_layers.is_some()),
                    ("predictor_hidden_dim", self.predictor_hidden_dim.is_some()),
                    ("predictor_last_bn", self.predictor_last_bn.is_some()),
                ],
            ),
            Version::V3 => ("v3", &[("queue_size", self.queue_size.is_some())]),
        };
        match other.iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(Fault::config(format!(
                "`{key}`: expected null with version {own}, which has no such thing, found a value"
            ))),
            None => Ok(()),
        }
    }
}
