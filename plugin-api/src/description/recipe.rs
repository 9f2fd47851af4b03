//! The paper's recipe: optimiser, learning rate, weight decay, parameter groups, length.

use super::schedule::{Decay, Period, Ramp, Warmup};
use serde::{Deserialize, Serialize};

/// The optimiser and its constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum Optimizer {
    /// `v ← μv + g; w ← w − lr·v` (Nesterov: `w ← w − lr·(g + μv)`).
    Sgd {
        /// μ.
        momentum: f64,
        /// Whether the Nesterov form is used.
        #[serde(default)]
        nesterov: bool,
    },
    /// Layer-wise adaptive rate scaling: the (decayed) gradient of each tensor is scaled by
    /// `trust·‖w‖/‖g‖` where the tensor takes part (1 where a norm is 0).
    Lars {
        /// μ.
        momentum: f64,
        /// Trust coefficient.
        trust: f64,
        /// Where the learning rate and the norm enter.
        form: TrustForm,
    },
    /// Adam with decoupled weight decay.
    Adamw {
        /// Decay rates of the two moments.
        betas: [f64; 2],
        /// Added to the root of the second moment.
        eps: f64,
    },
}

/// The three LARS rules of the official codes; they differ whenever the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustForm {
    /// `v ← μv + trust·g; w ← w − lr·v` with `g` after decay (BYOL, MoCo v3, Barlow, VICReg, DINO).
    RateOutside,
    /// `v ← μv + lr·trust·g; w ← w − v` (SimCLR).
    RateInside,
    /// apex LARC without clipping: `trust·‖w‖/(‖g‖ + wd·‖w‖ + 1e-8)` with the norm of the gradient
    /// *before* decay, then plain SGD (SwAV, DeepCluster-v2, SeLa-v2).
    Larc,
}

/// How the base learning rate follows the global batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// `base · batch / 256`.
    #[default]
    Linear,
    /// `base · √(batch / 256)`.
    Sqrt,
    /// `base`, whatever the batch.
    None,
}

/// Learning rate over training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearningRate {
    /// Base rate, at the reference batch of 256.
    pub base: f64,
    /// How it follows the global batch.
    #[serde(default)]
    pub scaling: Scaling,
    /// The first epochs.
    #[serde(default)]
    pub warmup: Option<Warmup>,
    /// What follows.
    pub decay: Decay,
}

impl LearningRate {
    /// The peak at a global batch.
    #[must_use]
    pub fn peak(&self, batch: usize) -> f64 {
        self.base * self.factor(batch)
    }

    fn factor(&self, batch: usize) -> f64 {
        match self.scaling {
            Scaling::Linear => batch as f64 / 256.0,
            Scaling::Sqrt => (batch as f64 / 256.0).sqrt(),
            Scaling::None => 1.0,
        }
    }

    /// Learning rate at optimiser step `step` (0-based) of a run of `epochs` epochs with
    /// `steps_per_epoch` steps, at global batch `batch`.
    #[must_use]
    pub fn at(&self, step: u64, steps_per_epoch: u64, epochs: u64, batch: usize) -> f64 {
        let spe = steps_per_epoch.max(1) as f64;
        let peak = self.peak(batch);
        let epoch = step as f64 / spe;
        let warm = self.warmup.map_or(0.0, |w| w.epochs.min(epochs as f64));
        if let Some(w) = self.warmup
            && epoch < warm
        {
            let start = w.start * self.factor(batch);
            return start + (peak - start) * epoch / warm;
        }
        let span = (epochs as f64 - warm).max(f64::MIN_POSITIVE);
        match &self.decay {
            Decay::Constant => peak,
            Decay::Cosine {
                end_fraction,
                end,
                per,
            } => {
                let at = match per {
                    Period::Step => epoch,
                    Period::Epoch => epoch.floor(),
                };
                let end = end.unwrap_or(end_fraction * peak);
                Ramp { start: peak, end }.at((at - warm) / span)
            }
            Decay::Steps { milestones, factor } => {
                let passed = milestones
                    .iter()
                    .filter(|m| epoch.floor() >= **m * epochs as f64);
                peak * factor.powi(passed.count() as i32)
            }
        }
    }
}

/// Weight decay over training, along half a cosine per step.
pub type WeightDecay = Ramp;

/// Gradient clipping, before weight decay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Clipping {
    /// Each tensor by itself: `g ← g · min(1, max_norm/(‖g‖ + 1e-6))` (DINO).
    PerTensor {
        /// Largest norm.
        max_norm: f64,
    },
    /// All gradients together.
    Global {
        /// Largest norm.
        max_norm: f64,
    },
}

/// Whose parameters a [`GroupRule`] speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Backbone and heads.
    #[default]
    All,
    /// The backbone.
    Backbone,
    /// The framework's heads.
    Heads,
}

/// What is special about some parameters. All rules that match a parameter apply, in order; a
/// field that is absent leaves what an earlier rule said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupRule {
    /// Whose parameters.
    pub scope: Scope,
    /// Only parameters with at most this many dimensions.
    pub max_ndim: Option<usize>,
    /// Only parameters whose name matches this regular expression (unanchored).
    pub name: Option<String>,
    /// Whether weight decay applies.
    pub decay: Option<bool>,
    /// Whether layer-wise trust scaling applies.
    pub trust: Option<bool>,
    /// Factor on the learning rate.
    pub lr_scale: Option<f64>,
    /// Whether the learning rate stays at its peak while the others decay (SimSiam's predictor).
    pub constant_lr: Option<bool>,
    /// Gradient dropped while the global step is below this number: no decay, no momentum either.
    pub frozen_steps: Option<u64>,
    /// Gradient dropped while the epoch is below this number.
    pub frozen_epochs: Option<u64>,
    /// An optimiser of its own (DeepCluster-v1's classifier).
    pub optimizer: Option<Optimizer>,
    /// A base rate of its own, not scaled with the batch, constant.
    pub own_lr: Option<f64>,
    /// A weight decay of its own.
    pub own_weight_decay: Option<f64>,
}

impl GroupRule {
    /// The usual exemption: parameters with one dimension take neither decay nor trust scaling.
    #[must_use]
    pub fn exempt_1d() -> Self {
        Self {
            max_ndim: Some(1),
            decay: Some(false),
            trust: Some(false),
            ..Self::default()
        }
    }

    /// A rule on the framework's parameters whose name matches, with nothing special yet.
    #[must_use]
    pub fn heads(name: &str) -> Self {
        Self {
            scope: Scope::Heads,
            name: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

/// The pretraining recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Global batch size.
    pub batch_size: usize,
    /// Epochs.
    pub epochs: u64,
    /// Optimiser.
    pub optimizer: Optimizer,
    /// Learning rate.
    pub lr: LearningRate,
    /// Weight decay.
    pub weight_decay: WeightDecay,
    /// What is special about some parameters.
    #[serde(default)]
    pub groups: Vec<GroupRule>,
    /// Gradient clipping.
    #[serde(default)]
    pub clipping: Option<Clipping>,
    /// Whether the last batch-norm scale of every residual block starts at 0.
    #[serde(default)]
    pub zero_init_residual: bool,
    /// Whether the official run used reduced precision.
    #[serde(default)]
    pub mixed_precision: bool,
}

impl Recipe {
    /// A recipe without parameter groups and clipping, in full precision, with the backbone's usual start.
    #[must_use]
    pub const fn new(
        batch_size: usize,
        epochs: u64,
        optimizer: Optimizer,
        lr: LearningRate,
        weight_decay: f64,
    ) -> Self {
        Self {
            batch_size,
            epochs,
            optimizer,
            lr,
            weight_decay: Ramp::constant(weight_decay),
            groups: Vec::new(),
            clipping: None,
            zero_init_residual: false,
            mixed_precision: false,
        }
    }
}

/// When the linear classifier's learning rate falls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum LinearSchedule {
    /// Half a cosine to 0.
    Cosine {
        /// Per step or per epoch.
        #[serde(default)]
        per: Period,
    },
    /// Multiplied by `factor` at the given epochs.
    Steps {
        /// Epochs.
        epochs: Vec<u64>,
        /// The factor.
        factor: f64,
    },
}

/// The framework's own linear evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearRecipe {
    /// Epochs.
    pub epochs: u64,
    /// Global batch size.
    pub batch_size: usize,
    /// Learning rate at `batch_size`, not scaled further.
    pub lr: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Optimiser.
    pub optimizer: Optimizer,
    /// Schedule.
    pub schedule: LinearSchedule,
}

/// The framework's own fine-tuning of backbone and classifier on a share of the labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinetuneRecipe {
    /// The share in `(0, 1]`.
    pub labels: f64,
    /// Epochs over that share.
    pub epochs: u64,
    /// Global batch size.
    pub batch_size: usize,
    /// Learning rate of the backbone at `batch_size`.
    pub lr_backbone: f64,
    /// Learning rate of the classifier at `batch_size`.
    pub lr_head: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Optimiser.
    pub optimizer: Optimizer,
    /// Schedule of both rates.
    pub schedule: LinearSchedule,
}
