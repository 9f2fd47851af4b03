//! PCL's configuration keys: ranges, defaults, where they come from.

use serde_json::json;
use ssl_plugin_kit::api::description::{ConfigKey, Schema, ValueKind};
use ssl_plugin_kit::framework::key;

const CODE: &str = "salesforce/PCL main_pcl.py";
const HEAD: &str = "salesforce/PCL pcl/builder.py";
const PAPER: &str = "arXiv:2005.04966 section 3.2";

pub(crate) fn schema() -> Schema {
    let mut keys = contrast();
    keys.extend(clustering());
    Schema { keys }
}

fn contrast() -> Vec<ConfigKey> {
    let count = || ValueKind::at_least(1);
    vec![
        key(
            "projector_layers",
            count(),
            2,
            "Linears of the projector; 1 in version 1",
            HEAD,
        ),
        key(
            "projector_hidden_dim",
            count(),
            2048,
            "width of the projector's hidden layers, that of ResNet-50's features",
            HEAD,
        ),
        key(
            "projector_dim",
            count(),
            128,
            "width of queries, keys and prototypes",
            CODE,
        ),
        key(
            "queue_size",
            count(),
            16384,
            "keys in the queue, a multiple of the global batch",
            CODE,
        ),
        key(
            "temperature",
            ValueKind::positive(),
            0.2,
            "temperature of the softmax over keys and mean of that over prototypes; 0.1 in version 1",
            CODE,
        ),
        key(
            "momentum",
            ValueKind::fraction(),
            0.999,
            "momentum of the key encoder, per step",
            CODE,
        ),
        key(
            "momentum_schedule",
            ValueKind::choice(&["constant", "cosine"]),
            "constant",
            "how the momentum rises to 1",
            CODE,
        ),
    ]
}

fn clustering() -> Vec<ConfigKey> {
    let count = || ValueKind::at_least(1);
    let percentile = ValueKind::Float {
        min: 0.0,
        max: 100.0,
        above: false,
    };
    vec![
        key(
            "num_clusters",
            ValueKind::list(count(), 1, usize::MAX),
            json!([25000, 50000, 100_000]),
            "clusters of each clustering",
            CODE,
        ),
        key(
            "proto_negatives",
            count(),
            16384,
            "most other clusters a query is set against; all if there are fewer",
            "the code's one option for this and the queue",
        ),
        key(
            "warmup_epochs",
            ValueKind::at_least(0),
            20,
            "epochs without prototypes",
            CODE,
        ),
        key(
            "concentration_alpha",
            ValueKind::positive(),
            10,
            "added to a cluster's size in its density",
            PAPER,
        ),
        key(
            "concentration_clip",
            ValueKind::list(percentile, 2, 2),
            json!([10, 90]),
            "percentiles that densities are clipped to",
            CODE,
        ),
        key("kmeans_iters", count(), 20, "iterations of k-means", CODE),
        key(
            "kmeans_restarts",
            count(),
            5,
            "runs of k-means, of which the best is kept",
            CODE,
        ),
        key(
            "kmeans_max_points",
            count(),
            1000,
            "most samples per cluster that k-means trains on",
            CODE,
        ),
    ]
}
