//! DeepCluster's configuration keys, and the defaults that depend on the version.

use serde_json::{Value, json};
use ssl_plugin_kit::api::description::{Schema, ValueKind};
use ssl_plugin_kit::framework::key;

const V1: &str = "deepcluster main.py, clustering.py";
const V2: &str = "arXiv:2006.09882; swav main_deepclusterv2.py";

/// Every key. A default of null stands for that of the version.
pub(crate) fn schema() -> Schema {
    let or_null = |of| ValueKind::Optional { of: Box::new(of) };
    let count = || or_null(ValueKind::at_least(1));
    let list = |of, most| or_null(ValueKind::list(of, 1, most));
    let above_zero_to_one = ValueKind::Float {
        min: 0.0,
        max: 1.0,
        above: true,
    };
    let versioned =
        |name: &str, kind, doc: &str, source: &str| key(name, kind, Value::Null, doc, source);
    let keys = vec![
        key(
            "version",
            ValueKind::choice(&["v2", "v1"]),
            "v2",
            "v2: centroids as prototypes; v1: a classifier drawn anew at every clustering",
            "arXiv:2006.09882 and arXiv:1807.05520",
        ),
        versioned(
            "num_crops",
            list(ValueKind::at_least(1), 2),
            "crops by resolution: [2] (v2 only); [2, 6] in the best recipe",
            V2,
        ),
        versioned(
            "crops_for_assign",
            list(ValueKind::at_least(0), usize::MAX),
            "crops whose embeddings are stored and clustered: [0, 1] (v2 only)",
            V2,
        ),
        versioned(
            "projector_hidden_dim",
            count(),
            "width of the projector's hidden layer: 2048 (v2 only)",
            V2,
        ),
        versioned(
            "projector_dim",
            count(),
            "width of the embeddings: 128 (v2 only)",
            V2,
        ),
        versioned(
            "num_prototypes",
            list(ValueKind::at_least(1), usize::MAX),
            "clusters of each head: [3000, 3000, 3000] (v2 only)",
            V2,
        ),
        versioned(
            "temperature",
            or_null(ValueKind::positive()),
            "temperature of the prediction: 0.1 (v2 only)",
            V2,
        ),
        versioned(
            "freeze_prototypes_steps",
            or_null(ValueKind::at_least(0)),
            "steps without the prototypes' gradient in the official code: 300000 (v2 only); here prototypes are state and never trained, whatever the number",
            V2,
        ),
        versioned("num_clusters", count(), "clusters: 10000 (v1 only)", V1),
        versioned(
            "reassign_epochs",
            or_null(above_zero_to_one),
            "images of an epoch, drawn uniformly over clusters, in training sets: 1.0 (v1 only)",
            V1,
        ),
        versioned(
            "pca_dim",
            count(),
            "principal components that are clustered, at most the features' width: 256 (v1 only)",
            V1,
        ),
        versioned(
            "kmeans_iters",
            count(),
            "iterations of k-means: 10 (v2), 20 (v1)",
            "main_deepclusterv2.py (v2), clustering.py (v1)",
        ),
    ];
    Schema { keys }
}

/// Values of the keys whose default depends on the version.
pub(crate) fn defaults(v1: bool) -> Vec<(&'static str, Value)> {
    if v1 {
        vec![
            ("num_clusters", json!(10000)),
            ("reassign_epochs", json!(1.0)),
            ("pca_dim", json!(256)),
            ("kmeans_iters", json!(20)),
        ]
    } else {
        vec![
            ("num_crops", json!([2])),
            ("crops_for_assign", json!([0, 1])),
            ("projector_hidden_dim", json!(2048)),
            ("projector_dim", json!(128)),
            ("num_prototypes", json!([3000, 3000, 3000])),
            ("temperature", json!(0.1)),
            ("freeze_prototypes_steps", json!(300_000)),
            ("kmeans_iters", json!(10)),
        ]
    }
}
