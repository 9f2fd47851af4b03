//! SeLa's configuration: one variant for each version.

use crate::schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::api::description::Schema;
use ssl_plugin_kit::framework::{Config, check_absent};
use ssl_plugin_kit::recipe::check_crops;

/// SeLa's configuration, by version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "version", rename_all = "lowercase")]
pub enum SelaConfig {
    /// Prototypes on projections, labels once an epoch.
    V2(V2Config),
    /// Linear classifiers, labels at times of their own.
    V1(V1Config),
}

/// Keys of version 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct V2Config {
    /// Crops by resolution: large ones, then small ones.
    pub num_crops: Vec<usize>,
    /// Crops whose embeddings are stored and labelled.
    pub crops_for_assign: Vec<usize>,
    /// Width of the projector's hidden layer.
    pub projector_hidden_dim: usize,
    /// Width of the embeddings.
    pub projector_dim: usize,
    /// Prototypes of each head.
    pub num_prototypes: Vec<usize>,
    /// Temperature of the prediction.
    pub temperature: f64,
    /// Regularisation of the labels.
    pub epsilon: f64,
    /// Rounds of Sinkhorn.
    pub sinkhorn_iters: usize,
    /// Steps for which the prototypes' gradient is dropped.
    pub freeze_prototypes_steps: u64,
    /// Keys of version 1: null.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Keys of version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct V1Config {
    /// Clusters of each head.
    pub num_clusters: usize,
    /// Classifiers.
    pub num_heads: usize,
    /// Sharpness of the predictions.
    pub lambda: f64,
    /// Times that all images are labelled anew.
    pub label_passes: u64,
    /// Sum of relative changes at which Sinkhorn ends.
    pub sinkhorn_tol: f64,
    /// Rounds from one look at it to the next.
    pub sinkhorn_check_every: usize,
    /// Keys of version 2: null.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl V2Config {
    /// Number of views.
    #[must_use]
    pub fn views(&self) -> usize {
        self.num_crops.iter().sum()
    }
}

impl Config for SelaConfig {
    fn schema() -> Schema {
        schema::schema()
    }

    fn presets(given: &mut Map<String, Value>) {
        let v1 = given.get("version").and_then(Value::as_str) == Some("v1");
        for (key, value) in schema::defaults(v1) {
            let here = given.entry(key).or_insert(Value::Null);
            if here.is_null() {
                *here = value;
            }
        }
    }

    fn check(&self) -> Result<(), Fault> {
        match self {
            Self::V2(config) => {
                check_absent("v2", &config.others)?;
                check_crops(&config.num_crops, &config.crops_for_assign)
            }
            Self::V1(config) => check_absent("v1", &config.others),
        }
    }
}

/// Refuses more clusters than there are images: some would have none, whatever the labels.
///
/// # Errors
/// Key, value and rule.
pub(crate) fn check_clusters(key: &str, clusters: usize, samples: usize) -> Result<(), Fault> {
    if clusters <= samples {
        return Ok(());
    }
    Err(Fault::config(format!(
        "`{key}`: expected at most the {samples} training images, found {clusters}"
    )))
}
