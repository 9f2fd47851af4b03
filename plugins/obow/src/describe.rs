//! What OBoW asks of the host: views, encoders, official recipe, checkpoint names.

use crate::config::ObowConfig;
use ssl_plugin_kit::api::description::{
    BatchNormMode, BatchNormScope, CheckpointMap, Decay, Description, Encoder, EncoderRequest,
    Family, Grouping, Interpolation, LearningRate, Metadata, PatchGrid, Period, Ramp, Recipe,
    Scaling, Transform, ViewGroup, ViewRole,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{
    blur, crop, finetune, flip, grayscale, group, jitter, linear_probe, normalize, sgd, warmup,
};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "obow".to_owned(),
        name: "OBoW".to_owned(),
        family: Family::Distillation,
        paper: "arXiv:2012.11552".to_owned(),
        year: 2020,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: ObowConfig::schema(),
    }
}

pub(crate) fn description(config: &ObowConfig) -> Description {
    let student = 1..1 + config.num_crops.iter().sum::<usize>();
    Description {
        views: views(&config.num_crops),
        encoders: vec![
            EncoderRequest {
                encoder: Encoder::Target,
                views: vec![0],
                levels: config.levels(),
                grouping: Grouping::PerView,
                batch_norm: BatchNormMode::Train,
                scope: BatchNormScope::Synchronized,
            },
            EncoderRequest::pooled(Encoder::Online, student, Grouping::ByResolution),
        ],
        momentum: Some(config.momentum()),
        passes: Vec::new(),
        recipe: Recipe {
            batch_size: 256,
            epochs: 200,
            optimizer: sgd(),
            lr: LearningRate {
                base: 0.03,
                scaling: Scaling::Linear,
                warmup: warmup(10.0),
                decay: Decay::Cosine {
                    end_fraction: 0.0,
                    end: Some(3e-5),
                    per: Period::Epoch,
                },
            },
            // Weight decay on everything, batch norms and biases too.
            weight_decay: Ramp::constant(1e-4),
            groups: Vec::new(),
            clipping: None,
            zero_init_residual: false,
            mixed_precision: false,
        },
        finetune: vec![
            finetune(0.01, 40, [2e-4, 0.5]),
            finetune(0.1, 20, [2e-4, 0.5]),
        ],
        linear: Some(linear_probe(100, 1024, 10.0, 0.0)),
        checkpoint: checkpoint(config),
    }
}

/// The whole image for the teacher; crops, and patches of one more crop, for the student.
fn views(counts: &[usize]) -> Vec<ViewGroup> {
    let interpolation = Interpolation::Bilinear;
    let colours = [jitter(0.8, [0.4, 0.4, 0.4, 0.1]), grayscale()];
    let student = |name, count, size, area, blurred: &[Transform]| {
        let mut transforms = vec![crop(size, area, interpolation)];
        transforms.extend_from_slice(&colours);
        transforms.extend_from_slice(blurred);
        transforms.extend([flip(), normalize()]);
        group(name, count, ViewRole::Local, transforms)
    };
    let whole = vec![
        Transform::Resize {
            size: 256,
            interpolation,
        },
        Transform::CenterCrop { size: 224 },
        flip(),
        normalize(),
    ];
    let mut groups = vec![
        group("whole", 1, ViewRole::Whole, whole),
        student("crop", counts[0], 160, [0.08, 0.6], &[blur(0.5)]),
    ];
    if let Some(&count) = counts.get(1) {
        groups.push(ViewGroup {
            patches: Some(PatchGrid {
                grid: 3,
                patch: 96,
                jitter: 24,
            }),
            ..student("patch", count, 256, [0.6, 1.0], &[])
        });
    }
    groups
}

/// `_feature_blocks.0` is the stem, 1 to 4 the stages.
fn checkpoint(config: &ObowConfig) -> CheckpointMap {
    let scale = if config.learn_kappa {
        "param.scale"
    } else {
        ""
    };
    let student = r"^feature_extractor\._feature_blocks\.";
    let teacher = r"^feature_extractor_teacher\._feature_blocks\.";
    let mut map = CheckpointMap::new(
        &["network"],
        &[
            (r"^.*num_batches_tracked$", ""),
            (
                r"^bow_predictor\.layers_w\.(\d+)\.b\d+_fc\.weight$",
                "param.generator.$1.0.weight",
            ),
            (
                r"^bow_predictor\.layers_w\.(\d+)\.b\d+_bn\.(weight|bias)$",
                "param.generator.$1.1.$2",
            ),
            (
                r"^bow_predictor\.layers_w\.(\d+)\.b\d+_bn\.(running_.+)$",
                "state.generator.$1.1.$2",
            ),
            (
                r"^bow_predictor\.layers_w\.(\d+)\.b\d+_last_layer\.(weight|bias)$",
                "param.generator.$1.3.$2",
            ),
            // A setting unless it is learnt; the monitor is not kept.
            (r"^bow_predictor\.scale$", scale),
            (r"^linear_classifier\..+$", ""),
            // The released feature extractor: torchvision's names; `fc` holds the last words.
            (r"^((?:conv1|bn1|layer[1-4])\..+)$", "backbone.$1"),
            (r"^fc\..+$", ""),
        ],
    );
    for (prefix, to) in [(student, "backbone."), (teacher, "target.backbone.")] {
        let renames = [
            (r"0\.(?:0|conv|conv1)\.(.+)$", "conv1.$1"),
            (r"0\.(?:1|bn|bn1)\.(.+)$", "bn1.$1"),
            (r"([1-4])\.(.+)$", "layer$1.$2"),
        ];
        for (from, name) in renames {
            let from = format!("{prefix}{from}");
            let extra = CheckpointMap::new(&[], &[(&from, &format!("{to}{name}"))]);
            map.renames.extend(extra.renames);
        }
    }
    // Vocabularies by number there, by level here.
    for (i, level) in config.bow_levels.iter().enumerate() {
        let own = [
            ("_embedding", "vocabulary"),
            ("_embedding_ptr", "vocabulary_ptr"),
            ("_min_distance_mean", "min_distance_mean"),
        ];
        for (theirs, ours) in own {
            let from = format!(r"^bow_extractor\.bow_extractor\.{i}\.{theirs}$");
            let extra = CheckpointMap::new(&[], &[(&from, &format!("state.{ours}.{level}"))]);
            map.renames.extend(extra.renames);
        }
    }
    let rest = CheckpointMap::new(&[], &[(r"^bow_extractor\..+$", "")]);
    map.renames.extend(rest.renames);
    map
}
