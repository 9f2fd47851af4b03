//! What SimCLR asks of the host: views, encoder, official recipe, checkpoint names.

use crate::config::SimClrConfig;
use ssl_plugin_kit::api::description::{
    BlurKernel, CheckpointMap, Description, Encoder, EncoderRequest, Family, FinetuneRecipe,
    GroupRule, Grouping, Interpolation, LinearRecipe, LinearSchedule, Metadata, Optimizer, Period,
    Ramp, Recipe, Transform, TrustForm, ViewRole,
};
use ssl_plugin_kit::framework::Config;
use ssl_plugin_kit::recipe::{cosine_lr, crop, flip, grayscale, group, jitter, warmup};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        id: "simclr".to_owned(),
        name: "SimCLR".to_owned(),
        family: Family::Contrastive,
        paper: "arXiv:2002.05709".to_owned(),
        year: 2020,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        license: env!("CARGO_PKG_LICENSE").to_owned(),
        schema: SimClrConfig::schema(),
    }
}

pub(crate) fn description() -> Description {
    let blur = Transform::GaussianBlur {
        p: 0.5,
        sigma: [0.1, 2.0],
        kernel: BlurKernel::Taps { taps: 23 },
    };
    let crop = crop(224, [0.08, 1.0], Interpolation::Bicubic);
    let transforms = vec![
        crop,
        flip(),
        jitter(0.8, [0.8, 0.8, 0.8, 0.2]),
        grayscale(),
        blur,
    ];
    Description {
        // No normalisation: the official weights expect pixels in [0, 1].
        views: vec![group("view", 2, ViewRole::Global, transforms)],
        encoders: vec![EncoderRequest::pooled(
            Encoder::Online,
            [0, 1],
            Grouping::ByResolution,
        )],
        momentum: None,
        passes: Vec::new(),
        recipe: Recipe {
            batch_size: 4096,
            epochs: 1000,
            optimizer: Optimizer::Lars {
                momentum: 0.9,
                trust: 1e-3,
                form: TrustForm::RateInside,
            },
            lr: cosine_lr(0.3, warmup(10.0), Period::Step),
            weight_decay: Ramp::constant(1e-6),
            groups: vec![GroupRule::exempt_1d()],
            clipping: None,
            zero_init_residual: true,
            mixed_precision: false,
        },
        // SimCLRv2 (arXiv:2006.10029, section 3): 0.005·√batch for both.
        finetune: vec![finetune(0.01, 60), finetune(0.1, 30)],
        linear: Some(LinearRecipe {
            epochs: 90,
            batch_size: 4096,
            lr: 1.6,
            weight_decay: 0.0,
            optimizer: Optimizer::Sgd {
                momentum: 0.9,
                nesterov: true,
            },
            schedule: LinearSchedule::Cosine { per: Period::Step },
        }),
        // The TensorFlow checkpoint is converted first; these are the converted names.
        checkpoint: CheckpointMap::new(
            &["state_dict"],
            &[
                (
                    r"^(?:module\.|backbone\.)?((?:conv1|bn1|layer[1-4])\..+)$",
                    "backbone.$1",
                ),
                (
                    r"^projector\.(\d+)\.(weight|bias)$",
                    "param.projector.$1.$2",
                ),
                (r"^projector\.(\d+)\.(running_.+)$", "state.projector.$1.$2"),
                (r"^(?:fc|classifier)\..+$", ""),
            ],
        ),
    }
}

fn finetune(labels: f64, epochs: u64) -> FinetuneRecipe {
    FinetuneRecipe {
        labels,
        epochs,
        batch_size: 1024,
        lr_backbone: 0.16,
        lr_head: 0.16,
        weight_decay: 0.0,
        optimizer: Optimizer::Lars {
            momentum: 0.9,
            trust: 1e-3,
            form: TrustForm::RateInside,
        },
        schedule: LinearSchedule::Cosine { per: Period::Step },
    }
}
