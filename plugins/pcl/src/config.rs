//! PCL's configuration.

use crate::density::Concentration;
use ssl_plugin_kit::blocks::{Empty, KMeans, Metric};
use ssl_plugin_kit::prelude::*;

config! {
    /// PCL's configuration.
    pub struct PclConfig {
        /// Linears of the projector; 1 in version 1.
        projector_layers: usize = 2, in layers(), from "salesforce/PCL pcl/builder.py";
        /// Width of the projector's hidden layers, that of ResNet-50's features.
        projector_hidden_dim: usize = 2048, in at_least(1), from "salesforce/PCL pcl/builder.py";
        /// Width of queries, keys and prototypes.
        projector_dim: usize = 128, in at_least(1), from "salesforce/PCL main_pcl.py";
        /// Keys in the queue, a multiple of the global batch.
        queue_size: usize = 16384, in at_least(1), from "salesforce/PCL main_pcl.py";
        /// Temperature of the softmax over keys and mean of that over prototypes; 0.1 in version 1.
        temperature: f64 = 0.2, in temperature(), from "salesforce/PCL main_pcl.py";
        /// Momentum of the key encoder, per step.
        momentum: f64 = 0.999, in fraction(), from "salesforce/PCL main_pcl.py";
        /// How the momentum rises to 1.
        momentum_schedule: String = "constant", in one_of(&["constant", "cosine"]),
            from "salesforce/PCL main_pcl.py";
        /// Clusters of each clustering.
        num_clusters: Vec<usize> = [25000, 50000, 100_000], in list(at_least(1)),
            from "salesforce/PCL main_pcl.py";
        /// Most other clusters a query is set against; all if there are fewer.
        proto_negatives: usize = 16384, in at_least(1),
            from "the code's one option for this and the queue";
        /// Over which queries' clusters a query is set against: those of the batch of all ranks, or of its own rank as in
        /// the official code, where the number of ranks changes the loss.
        negatives_from: String = "batch", in one_of(&["batch", "rank"]),
            from "the paper has one batch; salesforce/PCL pcl/builder.py: rank";
        /// Epochs without prototypes.
        warmup_epochs: u64 = 20, in at_least(0), from "salesforce/PCL main_pcl.py";
        /// Added to a cluster's size in its density.
        concentration_alpha: f64 = 10, in positive(), from "arXiv:2005.04966 section 3.2";
        /// Percentiles that densities are clipped to.
        concentration_clip: [f64; 2] = [10, 90], in list_of(between(0.0, 100.0), 2, 2),
            from "salesforce/PCL main_pcl.py";
        /// Iterations of k-means.
        kmeans_iters: usize = 20, in at_least(1), from "salesforce/PCL main_pcl.py";
        /// Runs of k-means, of which the best is kept.
        kmeans_restarts: usize = 5, in at_least(1), from "salesforce/PCL main_pcl.py";
        /// Most samples per cluster that k-means trains on.
        kmeans_max_points: usize = 1000, in at_least(1), from "salesforce/PCL main_pcl.py";
    }
    check |config| match config.concentration_clip {
        [low, high] if low > high => Err(Fault::config(format!(
            "`concentration_clip`: expected the lower percentile first, found [{low}, {high}]"
        ))),
        _ => Ok(()),
    }
}

impl PclConfig {
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
