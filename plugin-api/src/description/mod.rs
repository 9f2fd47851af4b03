//! What a framework tells the host about itself, so that the host can run it *without knowing it*.
//!
//! A [`Description`] depends on the framework's configuration alone. It crosses the boundary as
//! JSON, so it can gain fields without changing the binary layout; a field that is absent takes
//! its documented default.

mod checkpoint;
mod config;
mod encoder;
mod feature_key;
mod published;
mod recipe;
mod schedule;
mod view;

pub use checkpoint::{CheckpointMap, Rename};
pub use config::{ConfigKey, Schema, SchemaError, ValueKind};
pub use encoder::{
    BatchNormMode, BatchNormScope, Encoder, EncoderRequest, FeaturePass, Grouping, Level,
    PassTransform,
};
pub use feature_key::{FeatureKey, NoFeatureKey};
pub use published::Published;
pub use recipe::{
    Clipping, FinetuneRecipe, GroupRule, LearningRate, LinearRecipe, LinearSchedule, Optimizer,
    Recipe, Scaling, Scope, TrustForm, WeightDecay,
};
pub use schedule::{Decay, MomentumSchedule, Period, Ramp, Warmup};
pub use view::{
    BlurKernel, Brightness, IMAGENET_MEAN, IMAGENET_STD, Interpolation, PatchGrid, Transform,
    ViewGroup, ViewRole,
};

use serde::{Deserialize, Serialize};

/// The four families the study groups frameworks into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Family {
    /// Codes or pseudo-labels from clustering (DeepCluster, SeLa, SwAV).
    Clustering,
    /// A student follows a teacher or a stopped gradient (BYOL, SimSiam, DINO, OBoW).
    Distillation,
    /// Positives against negatives (SimCLR, MoCo, PCL).
    Contrastive,
    /// Redundancy or collapse is penalised in the embedding (Barlow Twins, VICReg).
    InformationMaximization,
    /// None of these.
    Other,
}

/// Who a framework is: fixed for the library, whatever the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Stable kebab-case id, for instance `simclr`.
    pub id: String,
    /// The paper's name, for instance `SimCLR`.
    pub name: String,
    /// Family in the study's sense.
    pub family: Family,
    /// Where it was published, for instance `arXiv:2002.05709`.
    pub paper: String,
    /// Year of first publication.
    pub year: u16,
    /// Version of the plugin (semver).
    pub version: String,
    /// SPDX licence expression of the plugin.
    pub license: String,
    /// Every configuration key with type, range, default and source.
    pub schema: Schema,
}

/// Everything the host needs to run a framework under one configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The views of one image, in groups; views are numbered through all groups.
    pub views: Vec<ViewGroup>,
    /// Which views go through which encoder, and what is wanted of each.
    pub encoders: Vec<EncoderRequest>,
    /// Momentum of the target encoder; required when a request names [`Encoder::Target`].
    #[serde(default)]
    pub momentum: Option<MomentumSchedule>,
    /// Passes over the whole training set that the framework may ask for.
    #[serde(default)]
    pub passes: Vec<FeaturePass>,
    /// The paper's pretraining recipe: the defaults of a run.
    pub recipe: Recipe,
    /// The framework's own linear-evaluation recipe (protocol `paper`).
    #[serde(default)]
    pub linear: Option<LinearRecipe>,
    /// The framework's own fine-tuning, for the shares of the labels that its authors report.
    #[serde(default)]
    pub finetune: Vec<FinetuneRecipe>,
    /// How official checkpoints name things.
    #[serde(default)]
    pub checkpoint: CheckpointMap,
    /// Whether the loss treats as constant something that it computes from the online features, so that
    /// its gradient is not its slope (SimSiam's other branch, SwAV's codes). For certification; `None`
    /// where a plugin does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_gradient: Option<bool>,
    /// Accuracies that the authors report, under this configuration; a row that stands for one of these backbones is
    /// compared with its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
}

impl Description {
    /// Views, encoders and recipe; neither momentum encoder nor passes, neither recipes of evaluations
    /// nor names of checkpoints, a loss that stops no gradient, and no published numbers.
    #[must_use]
    pub fn new(views: Vec<ViewGroup>, encoders: Vec<EncoderRequest>, recipe: Recipe) -> Self {
        Self {
            views,
            encoders,
            momentum: None,
            passes: Vec::new(),
            recipe,
            linear: None,
            finetune: Vec::new(),
            checkpoint: CheckpointMap::default(),
            stops_gradient: Some(false),
            published: Vec::new(),
        }
    }

    /// Number of views of one image, over all groups.
    #[must_use]
    pub fn view_count(&self) -> usize {
        self.views.iter().map(|group| group.count).sum()
    }

    /// Whether any request needs the momentum encoder.
    #[must_use]
    pub fn needs_target(&self) -> bool {
        self.encoders.iter().any(|r| r.encoder == Encoder::Target)
            || self.passes.iter().any(|p| p.encoder == Encoder::Target)
    }

    /// Checks what the types cannot: view numbers, group counts, the momentum of a target encoder.
    ///
    /// # Errors
    /// One sentence for each contradiction found.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut faults = Vec::new();
        let views = self.view_count();
        for group in &self.views {
            group.validate(&mut faults);
        }
        if self.encoders.is_empty() {
            faults.push("expected at least one encoder request, found none".to_owned());
        }
        for request in &self.encoders {
            request.validate(views, &mut faults);
        }
        if self.needs_target() && self.momentum.is_none() {
            faults.push(
                "a request names the target encoder, expected a momentum schedule, found none"
                    .to_owned(),
            );
        }
        for pass in &self.passes {
            pass.validate(views, &mut faults);
        }
        published::validate(&self.published, &mut faults);
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}
