//! DeepCluster's configuration: one variant for each version.

use crate::schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::api::description::Schema;
use ssl_plugin_kit::framework::{Config, check_absent};
use ssl_plugin_kit::recipe::check_crops;

/// DeepCluster's configuration, by version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "version", rename_all = "lowercase")]
pub enum DeepClusterConfig {
    /// Centroids as prototypes.
    V2(V2Config),
    /// A classifier of its own.
    V1(V1Config),
}

/// Keys of version 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct V2Config {
    /// Crops by resolution: large ones, then small ones.
    pub num_crops: Vec<usize>,
    /// Crops whose embeddings are stored and clustered.
    pub crops_for_assign: Vec<usize>,
    /// Width of the projector's hidden layer.
    pub projector_hidden_dim: usize,
    /// Width of the embeddings.
    pub projector_dim: usize,
    /// Clusters of each head.
    pub num_prototypes: Vec<usize>,
    /// Temperature of the prediction.
    pub temperature: f64,
    /// Iterations of k-means.
    pub kmeans_iters: usize,
    /// Steps for which the prototypes' gradient is dropped in the official code. Here they are state
    /// and never trained.
    pub freeze_prototypes_steps: u64,
    /// Keys of version 1: null.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Keys of version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct V1Config {
    /// Clusters.
    pub num_clusters: usize,
    /// Length of an epoch, in training sets.
    pub reassign_epochs: f64,
    /// Principal components that are clustered.
    pub pca_dim: usize,
    /// Iterations of k-means.
    pub kmeans_iters: usize,
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

impl Config for DeepClusterConfig {
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
