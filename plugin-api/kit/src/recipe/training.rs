//! Optimisers, schedules and linear-evaluation recipes.

use ssl_plugin_api::description::{
    Decay, FinetuneRecipe, LearningRate, LinearRecipe, LinearSchedule, MomentumSchedule, Optimizer,
    Period, Scaling, TrustForm, Warmup,
};

/// SGD with momentum 0.9.
#[must_use]
pub const fn sgd() -> Optimizer {
    Optimizer::Sgd {
        momentum: 0.9,
        nesterov: false,
    }
}

/// LARS with momentum 0.9 and trust 1e-3, learning rate outside the momentum.
#[must_use]
pub const fn lars() -> Optimizer {
    Optimizer::Lars {
        momentum: 0.9,
        trust: 1e-3,
        form: TrustForm::RateOutside,
    }
}

/// SGD with momentum 0.9 inside apex LARC, trust 1e-3, without clipping.
#[must_use]
pub const fn larc() -> Optimizer {
    Optimizer::Lars {
        momentum: 0.9,
        trust: 1e-3,
        form: TrustForm::Larc,
    }
}

/// A linear warm-up from 0 over this many epochs.
#[must_use]
pub const fn warmup(epochs: f64) -> Option<Warmup> {
    Some(Warmup { epochs, start: 0.0 })
}

/// `base · batch / 256`, then half a cosine to 0.
#[must_use]
pub const fn cosine_lr(base: f64, warmup: Option<Warmup>, per: Period) -> LearningRate {
    LearningRate {
        base,
        scaling: Scaling::Linear,
        warmup,
        decay: Decay::Cosine {
            end_fraction: 0.0,
            end: None,
            per,
        },
    }
}

/// A cosine per step that ends at this fraction of the peak.
#[must_use]
pub const fn cosine_to(end_fraction: f64) -> Decay {
    Decay::Cosine {
        end_fraction,
        end: None,
        per: Period::Step,
    }
}

/// Linear evaluation by SGD with momentum 0.9 and a cosine per epoch.
#[must_use]
pub const fn linear_probe(
    epochs: u64,
    batch_size: usize,
    lr: f64,
    weight_decay: f64,
) -> LinearRecipe {
    LinearRecipe {
        epochs,
        batch_size,
        lr,
        weight_decay,
        optimizer: sgd(),
        schedule: LinearSchedule::Cosine { per: Period::Epoch },
    }
}

/// Linear evaluation by SGD with momentum 0.9 at batch 256, a tenth of the rate at epochs 60 and 80 of
/// 100, without decay: MoCo v2 and PCL.
#[must_use]
pub fn linear_probe_in_steps(lr: f64) -> LinearRecipe {
    LinearRecipe {
        epochs: 100,
        batch_size: 256,
        lr,
        weight_decay: 0.0,
        optimizer: sgd(),
        schedule: LinearSchedule::Steps {
            epochs: vec![60, 80],
            factor: 0.1,
        },
    }
}

/// Fine-tuning by SGD with momentum 0.9 at batch 256 without decay, cosine per epoch: Barlow Twins,
/// VICReg. `lrs` are the backbone's and the classifier's.
#[must_use]
pub const fn finetune(labels: f64, epochs: u64, lrs: [f64; 2]) -> FinetuneRecipe {
    FinetuneRecipe {
        labels,
        epochs,
        batch_size: 256,
        lr_backbone: lrs[0],
        lr_head: lrs[1],
        weight_decay: 0.0,
        optimizer: sgd(),
        schedule: LinearSchedule::Cosine { per: Period::Epoch },
    }
}

/// The same over 20 epochs with a fifth of the rates from epoch 12 and again from 16: SwAV.
#[must_use]
pub fn finetune_in_steps(labels: f64, lrs: [f64; 2]) -> FinetuneRecipe {
    FinetuneRecipe {
        schedule: LinearSchedule::Steps {
            epochs: vec![12, 16],
            factor: 0.2,
        },
        ..finetune(labels, 20, lrs)
    }
}

/// The target's momentum from the keys `momentum` and `momentum_schedule`: `constant`, or a cosine from
/// `base` to 1. `offset` is 0 where the official code averages after the optimiser, 1 where it averages
/// in the next step.
#[must_use]
pub fn momentum(schedule: &str, base: f64, offset: u64) -> MomentumSchedule {
    if schedule == "constant" {
        MomentumSchedule::Constant { value: base }
    } else {
        MomentumSchedule::Cosine { base, offset }
    }
}
