//! DINO's configuration keys: ranges, defaults, where they come from.

use ssl_plugin_kit::api::description::{ConfigKey, Schema, ValueKind};
use ssl_plugin_kit::framework::key;

const CODE: &str = "main_dino.py";
const HEAD: &str = "vision_transformer.py, DINOHead";

pub(crate) fn schema() -> Schema {
    let mut keys = head();
    keys.extend(teacher());
    keys.extend(training());
    Schema { keys }
}

fn head() -> Vec<ConfigKey> {
    let count = || ValueKind::at_least(1);
    vec![
        key(
            "out_dim",
            count(),
            65536,
            "width of the output; 60000 for the published ResNet-50",
            CODE,
        ),
        key(
            "projector_layers",
            count(),
            3,
            "Linears of the projector; 2 for the published ResNet-50",
            HEAD,
        ),
        key(
            "projector_hidden_dim",
            count(),
            2048,
            "width of the projector's hidden layers; 4096 for the published ResNet-50",
            HEAD,
        ),
        key(
            "bottleneck_dim",
            count(),
            256,
            "width between projector and last layer",
            HEAD,
        ),
        key(
            "projector_bn",
            ValueKind::Bool,
            false,
            "batch norm after each hidden Linear; true for the published ResNet-50",
            CODE,
        ),
        key(
            "norm_last_layer",
            ValueKind::Bool,
            true,
            "whether the rows of the last layer keep the length 1",
            CODE,
        ),
    ]
}

fn teacher() -> Vec<ConfigKey> {
    let positive = ValueKind::positive;
    vec![
        key(
            "momentum",
            ValueKind::fraction(),
            0.996,
            "momentum of the teacher at the start, per step",
            CODE,
        ),
        key(
            "momentum_schedule",
            ValueKind::choice(&["cosine", "constant"]),
            "cosine",
            "how the momentum rises to 1",
            CODE,
        ),
        key(
            "warmup_teacher_temp",
            positive(),
            0.04,
            "the teacher's temperature at epoch 0",
            CODE,
        ),
        key(
            "teacher_temp",
            positive(),
            0.04,
            "the teacher's temperature after its warm-up; 0.07 for the published ResNet-50",
            CODE,
        ),
        key(
            "warmup_teacher_temp_epochs",
            ValueKind::at_least(0),
            0,
            "epochs over which the teacher's temperature moves; 50 for the published ResNet-50",
            CODE,
        ),
        key(
            "student_temp",
            positive(),
            0.1,
            "the student's temperature",
            "arXiv:2104.14294 section 3.2",
        ),
        key(
            "center_momentum",
            ValueKind::fraction(),
            0.9,
            "weight of the old centre in the new one, per step",
            CODE,
        ),
    ]
}

fn training() -> Vec<ConfigKey> {
    vec![
        key(
            "freeze_last_layer_epochs",
            ValueKind::at_least(0),
            1,
            "epochs for which the last layer gets no gradient",
            CODE,
        ),
        key(
            "clip_grad",
            ValueKind::Float {
                min: 0.0,
                max: f64::MAX,
                above: false,
            },
            3.0,
            "largest norm of each parameter's gradient, 0 for no clipping; 0 for the published ResNet-50",
            CODE,
        ),
        key(
            "num_local_crops",
            ValueKind::at_least(0),
            8,
            "small crops beside the two large ones; 6 for the published ResNet-50",
            CODE,
        ),
    ]
}
