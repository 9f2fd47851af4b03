//! OBoW's configuration keys: ranges, defaults, where they come from.

use serde_json::json;
use ssl_plugin_kit::api::description::{ConfigKey, Schema, ValueKind};
use ssl_plugin_kit::framework::key;

/// Stages that can give words.
pub(crate) const LEVELS: [&str; 4] = ["layer1", "layer2", "layer3", "layer4"];

const BOW: &str = "valeoai/obow config/ImageNetFull/ResNet50_OBoW_full.py";
const CODE: &str = "valeoai/obow obow/builder_obow.py";

pub(crate) fn schema() -> Schema {
    let mut keys = words();
    keys.extend(prediction());
    Schema { keys }
}

fn words() -> Vec<ConfigKey> {
    let positive = ValueKind::positive;
    let levels = ValueKind::list(ValueKind::choice(&LEVELS), 1, LEVELS.len());
    let inv_delta = ValueKind::Optional {
        of: Box::new(ValueKind::Any {
            of: vec![positive(), ValueKind::list(positive(), 1, LEVELS.len())],
        }),
    };
    vec![
        key(
            "bow_levels",
            levels,
            json!(["layer3", "layer4"]),
            "stages of the teacher whose feature maps give words; layer4 alone is the vanilla form",
            BOW,
        ),
        key(
            "num_words",
            ValueKind::at_least(2),
            8192,
            "words of each vocabulary, a multiple of the global batch",
            BOW,
        ),
        key(
            "inv_delta",
            inv_delta,
            15,
            "sharpness of the codes in units of 1 over the mean least distance, one number or one per level; 10 for ResNet-18; null for the nearest word alone",
            BOW,
        ),
        key(
            "bow_pool",
            ValueKind::choice(&["max", "avg"]),
            "max",
            "how the codes of all positions become one bag",
            CODE,
        ),
        key(
            "update_type",
            ValueKind::choice(&["local_average", "no_averaging", "global_average"]),
            "local_average",
            "what enters the vocabulary: a position of the map averaged over 3 x 3, of the map as it is, or the mean of the map",
            BOW,
        ),
        key(
            "min_distance_decay",
            ValueKind::fraction(),
            0.99,
            "weight of the old mean least distance in the new one, per step",
            CODE,
        ),
        key(
            "location_sampling",
            ValueKind::choice(&["uniform", "indexed"]),
            "uniform",
            "the position that enters the vocabulary: drawn anew per image and level, or (index + step) mod positions",
            "uniform in the code; indexed is ours",
        ),
    ]
}

fn prediction() -> Vec<ConfigKey> {
    vec![
        key(
            "num_crops",
            ValueKind::list(ValueKind::at_least(1), 1, 2),
            json!([2, 5]),
            "the student's crops of 160 pixels, and patches of 96",
            BOW,
        ),
        key(
            "kappa",
            ValueKind::positive(),
            8,
            "factor on the logits; 5 for ResNet-18",
            BOW,
        ),
        key(
            "learn_kappa",
            ValueKind::Bool,
            false,
            "whether kappa is trained, one for each level",
            BOW,
        ),
        key(
            "momentum",
            ValueKind::fraction(),
            0.99,
            "momentum of the teacher at the start, per step",
            BOW,
        ),
        key(
            "momentum_schedule",
            ValueKind::choice(&["cosine", "constant"]),
            "cosine",
            "how the momentum rises to 1",
            BOW,
        ),
    ]
}
