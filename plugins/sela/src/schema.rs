//! SeLa's configuration keys, and the defaults that depend on the version.

use serde_json::{Value, json};
use ssl_plugin_kit::api::description::{Schema, ValueKind};
use ssl_plugin_kit::framework::key;

const V1: &str = "arXiv:1911.05371; self-label main.py";
const V2: &str = "arXiv:2006.09882 appendix D; swav main_deepclusterv2.py";
const SWAV: &str = "arXiv:2006.09882: as SwAV; not published for SeLa-v2";

/// Every key. A default of null stands for that of the version.
pub(crate) fn schema() -> Schema {
    let or_null = |of| ValueKind::Optional { of: Box::new(of) };
    let count = || or_null(ValueKind::at_least(1));
    let positive = || or_null(ValueKind::positive());
    let list = |of, most| or_null(ValueKind::list(of, 1, most));
    let versioned =
        |name: &str, kind, doc: &str, source: &str| key(name, kind, Value::Null, doc, source);
    let keys = vec![
        key(
            "version",
            ValueKind::choice(&["v2", "v1"]),
            "v2",
            "v2: prototypes on projections of several crops; v1: linear classifiers",
            "arXiv:2006.09882 and arXiv:1911.05371",
        ),
        versioned(
            "num_crops",
            list(ValueKind::at_least(1), 2),
            "crops by resolution: [2] (v2 only)",
            V2,
        ),
        versioned(
            "crops_for_assign",
            list(ValueKind::at_least(0), usize::MAX),
            "crops whose embeddings are stored and labelled: [0, 1] (v2 only)",
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
            "prototypes of each head: [3000, 3000, 3000] (v2 only)",
            V2,
        ),
        versioned(
            "temperature",
            positive(),
            "temperature of the prediction: 0.1 (v2 only)",
            V2,
        ),
        versioned(
            "epsilon",
            positive(),
            "regularisation of the labels: 0.05 (v2 only)",
            SWAV,
        ),
        versioned(
            "sinkhorn_iters",
            count(),
            "rounds of Sinkhorn: 3 (v2 only)",
            SWAV,
        ),
        versioned(
            "freeze_prototypes_steps",
            or_null(ValueKind::at_least(0)),
            "steps for which the prototypes' gradient is dropped: 313 (v2 only)",
            SWAV,
        ),
        versioned(
            "num_clusters",
            count(),
            "clusters of each head: 3000 (v1 only)",
            V1,
        ),
        versioned(
            "num_heads",
            count(),
            "classifiers: 10 (v1 only; 1 where the command line says nothing)",
            V1,
        ),
        versioned(
            "lambda",
            positive(),
            "power that sharpens the predictions before they are balanced: 25 (v1 only)",
            V1,
        ),
        versioned(
            "label_passes",
            count(),
            "times that all images are labelled anew, spaced quadratically: 100 (v1 only)",
            V1,
        ),
        versioned(
            "sinkhorn_tol",
            positive(),
            "sum over the images of relative changes at which Sinkhorn ends: 0.1 (v1 only)",
            V1,
        ),
        versioned(
            "sinkhorn_check_every",
            count(),
            "rounds from one look at the tolerance to the next: 10 (v1 only)",
            V1,
        ),
    ];
    Schema { keys }
}

/// Values of the keys whose default depends on the version.
pub(crate) fn defaults(v1: bool) -> Vec<(&'static str, Value)> {
    if v1 {
        vec![
            ("num_clusters", json!(3000)),
            ("num_heads", json!(10)),
            ("lambda", json!(25.0)),
            ("label_passes", json!(100)),
            ("sinkhorn_tol", json!(0.1)),
            ("sinkhorn_check_every", json!(10)),
        ]
    } else {
        vec![
            ("num_crops", json!([2])),
            ("crops_for_assign", json!([0, 1])),
            ("projector_hidden_dim", json!(2048)),
            ("projector_dim", json!(128)),
            ("num_prototypes", json!([3000, 3000, 3000])),
            ("temperature", json!(0.1)),
            ("epsilon", json!(0.05)),
            ("sinkhorn_iters", json!(3)),
            ("freeze_prototypes_steps", json!(313)),
        ]
    }
}
