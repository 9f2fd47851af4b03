//! PCL's configuration.

use crate::density::Concentration;
use crate::schema;
use serde::{Deserialize, Serialize};
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::api::description::{MomentumSchedule, Schema};
use ssl_plugin_kit::blocks::{Empty, KMeans, Metric};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::momentum;

/// PCL's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PclConfig {
    /// Linears of the projector; 1 is the head of version 1.
    pub projector_layers: usize,
    /// Width of the projector's hidden layers.
    pub projector_hidden_dim: usize,
    /// Width of queries, keys and prototypes.
    pub projector_dim: usize,
    /// Keys in the queue.
    pub queue_size: usize,
    /// Most other clusters a query is set against.
    pub proto_negatives: usize,
    /// Temperature of the softmax over keys, and the mean of that over prototypes.
    pub temperature: f64,
    /// Momentum of the key encoder.
    pub momentum: f64,
    /// `constant` or `cosine`.
    pub momentum_schedule: String,
    /// Clusters of each clustering.
    pub num_clusters: Vec<usize>,
    /// Epochs without prototypes.
    pub warmup_epochs: u64,
    /// Added to a cluster's size in its density.
    pub concentration_alpha: f64,
    /// Percentiles that densities are clipped to.
    pub concentration_clip: [f64; 2],
    /// Iterations of k-means.
    pub kmeans_iters: usize,
    /// Runs of k-means, of which the best is kept.
    pub kmeans_restarts: usize,
    /// Most samples per cluster that k-means trains on.
    pub kmeans_max_points: usize,
}

impl PclConfig {
    /// The schedule of the key encoder's momentum: the official code averages at the start of a step,
    /// the host after the optimiser, with the momentum of the step that follows.
    #[must_use]
    pub fn momentum(&self) -> MomentumSchedule {
        momentum(&self.momentum_schedule, self.momentum, 1)
    }

    pub(crate) fn concentration(&self) -> Concentration {
        Concentration {
            alpha: self.concentration_alpha,
            clip: self.concentration_clip,
            temperature: self.temperature,
        }
    }

    /// k-means as faiss runs it for the official code.
    pub(crate) const fn kmeans(&self, clusters: usize) -> KMeans {
        KMeans {
            clusters,
            iterations: self.kmeans_iters,
            restarts: self.kmeans_restarts,
            metric: Metric::Euclidean,
            empty: Empty::Split,
            max_points: Some(self.kmeans_max_points),
        }
    }
}

impl Config for PclConfig {
    fn schema() -> Schema {
        schema::schema()
    }

    fn check(&self) -> Result<(), Fault> {
        let [low, high] = self.concentration_clip;
        if low > high {
            return Err(Fault::config(format!(
                "`concentration_clip`: expected the lower percentile first, found [{low}, {high}]"
            )));
        }
        Ok(())
    }
}
