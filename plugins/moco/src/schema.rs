//! MoCo's configuration keys, and the defaults that depend on the version.

use serde_json::{Value, json};
use ssl_plugin_kit::api::description::{Schema, ValueKind};
use ssl_plugin_kit::framework::key;

const V2: &str = "arXiv:2003.04297; moco main_moco.py";
const V3: &str = "arXiv:2104.02057; moco-v3 main_moco.py";
const BOTH: &str = "moco and moco-v3, main_moco.py";

/// Every key. A default of null stands for that of the version.
pub(crate) fn schema() -> Schema {
    let or_null = |of| ValueKind::Optional { of: Box::new(of) };
    let width = || or_null(ValueKind::at_least(1));
    let null = || Value::Null;
    let keys = vec![
        key(
            "version",
            ValueKind::choice(&["v2", "v3"]),
            "v2",
            "v2: queue of keys; v3: keys of the batch, and a predictor",
            "arXiv:2003.04297 and arXiv:2104.02057",
        ),
        key(
            "projector_layers",
            ValueKind::at_least(1),
            2,
            "linear layers of the projector; 1 with v2 is the head of MoCo v1",
            BOTH,
        ),
        key(
            "projector_hidden_dim",
            width(),
            null(),
            "width of the projector's hidden layers: 2048 (v2, the width of ResNet-50's features), 4096 (v3)",
            BOTH,
        ),
        key(
            "projector_dim",
            width(),
            null(),
            "width of queries and keys: 128 (v2), 256 (v3)",
            BOTH,
        ),
        key(
            "predictor_layers",
            width(),
            null(),
            "linear layers of the predictor: 2 (v3 only)",
            V3,
        ),
        key(
            "predictor_hidden_dim",
            width(),
            null(),
            "width of the predictor's hidden layers: 4096 (v3 only)",
            V3,
        ),
        key(
            "predictor_last_bn",
            or_null(ValueKind::Bool),
            null(),
            "whether a batch norm without scale and offset ends the predictor: false (v3 only; true for ViT)",
            V3,
        ),
        key(
            "queue_size",
            width(),
            null(),
            "keys in the queue, a multiple of the global batch: 65536 (v2 only)",
            V2,
        ),
        key(
            "temperature",
            or_null(ValueKind::positive()),
            null(),
            "temperature of the softmax: 0.2 (v2; 0.07 in v1), 1.0 (v3; 0.2 for ViT)",
            BOTH,
        ),
        key(
            "momentum",
            or_null(ValueKind::fraction()),
            null(),
            "momentum of the key encoder per step, at the start where it rises: 0.999 (v2), 0.99 (v3; 0.996 for 1000 epochs)",
            BOTH,
        ),
        key(
            "momentum_schedule",
            or_null(ValueKind::choice(&["constant", "cosine"])),
            null(),
            "how the momentum rises to 1: constant (v2), cosine (v3)",
            BOTH,
        ),
    ];
    Schema { keys }
}

/// Values of the keys whose default depends on the version.
pub(crate) fn defaults(v3: bool) -> Vec<(&'static str, Value)> {
    if v3 {
        vec![
            ("projector_hidden_dim", json!(4096)),
            ("projector_dim", json!(256)),
            ("predictor_layers", json!(2)),
            ("predictor_hidden_dim", json!(4096)),
            ("predictor_last_bn", json!(false)),
            ("temperature", json!(1.0)),
            ("momentum", json!(0.99)),
            ("momentum_schedule", json!("cosine")),
        ]
    } else {
        vec![
            ("projector_hidden_dim", json!(2048)),
            ("projector_dim", json!(128)),
            ("queue_size", json!(65536)),
            ("temperature", json!(0.2)),
            ("momentum", json!(0.999)),
            ("momentum_schedule", json!("constant")),
        ]
    }
}
