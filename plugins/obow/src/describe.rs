//! What OBoW asks of the host: views, encoders, official recipe, checkpoint names.

use crate::config::ObowConfig;
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    blur, cosine_lr, crop, finetune, flip, grayscale, group, jitter, linear_probe, momentum,
    normalize, sgd, warmup,
};

pub(crate) fn description(config: &ObowConfig) -> Description {
    let student = 1..1 + config.num_crops.iter().sum::<usize>();
    let encoders = vec![
        EncoderRequest {
            levels: config.levels(),
            ..EncoderRequest::pooled(Encoder::Target, [0], Grouping::PerView)
        },
        EncoderRequest::pooled(Encoder::Online, student, Grouping::ByResolution),
    ];
    let lr = LearningRate {
        decay: Decay::Cosine {
            end_fraction: 0.0,
            end: Some(3e-5),
            per: Period::Epoch,
        },
        ..cosine_lr(0.03, warmup(10.0), Period::Epoch)
    };
    Description {
        // The authors average in the step, before the teacher's pass, with the student as the last
        // optimiser step left it: what a host does after that optimiser step with the momentum of the
        // step that follows.
        momentum: Some(momentum(&config.momentum_schedule, config.momentum, 1)),
        finetune: vec![
            finetune(0.01, 40, [2e-4, 0.5]),
            finetune(0.1, 20, [2e-4, 0.5]),
        ],
        linear: Some(linear_probe(100, 1024, 10.0, 0.0)),
        checkpoint: checkpoint(config),
        // Weight decay on everything, batch norms and biases too.
        published: vec![Published::linear("200ep", 73.8, "arXiv:2012.11552")],
        ..Description::new(
            views(&config.num_crops),
            encoders,
            Recipe::new(256, 200, sgd(), lr, 1e-4),
        )
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
    let weights = r"bow_predictor\.layers_w\.(\d+)\.b\d+_";
    let mut map = CheckpointMap::nested("network")
        .rename(
            &format!(r"{weights}fc\.weight"),
            "param.generator.$1.0.weight",
        )
        .rename(
            &format!(r"{weights}bn\.(weight|bias)"),
            "param.generator.$1.1.$2",
        )
        .rename(
            &format!(r"{weights}bn\.(running_.+)"),
            "state.generator.$1.1.$2",
        )
        .rename(
            &format!(r"{weights}last_layer\.(weight|bias)"),
            "param.generator.$1.3.$2",
        )
        // A setting unless it is learnt; the monitor is not kept.
        .rename(r"bow_predictor\.scale", scale)
        .drop(r"linear_classifier\..+")
        // The released feature extractor: torchvision's names; `fc` holds the last words.
        .backbone("")
        .drop(r"fc\..+");
    for (encoder, to) in [("", "backbone"), ("_teacher", "target.backbone")] {
        let blocks = format!(r"feature_extractor{encoder}\._feature_blocks\.");
        map = map
            .rename(
                &format!(r"{blocks}0\.(?:0|conv|conv1)\.(.+)"),
                &format!("{to}.conv1.$1"),
            )
            .rename(
                &format!(r"{blocks}0\.(?:1|bn|bn1)\.(.+)"),
                &format!("{to}.bn1.$1"),
            )
            .rename(
                &format!(r"{blocks}([1-4])\.(.+)"),
                &format!("{to}.layer$1.$2"),
            );
    }
    // Vocabularies by number there, by level here.
    for (i, level) in config.bow_levels.iter().enumerate() {
        for (theirs, ours) in [
            ("_embedding", "vocabulary"),
            ("_embedding_ptr", "vocabulary_ptr"),
            ("_min_distance_mean", "min_distance_mean"),
        ] {
            let from = format!(r"bow_extractor\.bow_extractor\.{i}\.{theirs}");
            map = map.rename(&from, &format!("state.{ours}.{level}"));
        }
    }
    map.drop(r"bow_extractor\..+")
}
