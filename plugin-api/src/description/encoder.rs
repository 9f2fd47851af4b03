//! Which views go through which encoder, and how.

use serde::{Deserialize, Serialize};

/// One of the two copies of the backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Encoder {
    /// The trained one (online, student, query). Its features carry gradient.
    Online = 0,
    /// The momentum one (target, teacher, key). No gradient.
    Target = 1,
}

impl Encoder {
    pub(crate) const ALL: [Self; 2] = [Self::Online, Self::Target];

    /// The encoder's name, as golden files and configurations spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Target => "target",
        }
    }

    /// The encoder with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoder| encoder.name() == name)
    }
}

/// What of the backbone's output is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Level {
    /// The globally averaged features, `[batch, dim]`.
    Pooled = 0,
    /// Feature map after the last ReLU of stage 1, `[batch, channels, height, width]`.
    Layer1 = 1,
    /// Feature map after stage 2.
    Layer2 = 2,
    /// Feature map after stage 3.
    Layer3 = 3,
    /// Feature map after stage 4.
    Layer4 = 4,
}

impl Level {
    pub(crate) const ALL: [Self; 5] = [
        Self::Pooled,
        Self::Layer1,
        Self::Layer2,
        Self::Layer3,
        Self::Layer4,
    ];

    /// The level's name, as golden files and configurations spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Layer1 => "layer1",
            Self::Layer2 => "layer2",
            Self::Layer3 => "layer3",
            Self::Layer4 => "layer4",
        }
    }

    /// The level with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// How views are put together for a forward pass; it decides over which images batch statistics
/// are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// Each view by itself, in order (BYOL, SimSiam, MoCo v3).
    PerView,
    /// All views of one resolution in one batch (SimCLR, SwAV, DINO).
    ByResolution,
}

/// Which statistics batch normalisation uses in a forward pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchNormMode {
    /// Batch statistics; the running ones are updated.
    #[default]
    Train,
    /// Running statistics.
    Eval,
}

/// Over which ranks the backbone's batch statistics are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchNormScope {
    /// All ranks together.
    #[default]
    Synchronized,
    /// Each rank its own.
    PerRank,
    /// Each rank its own, after the images were shuffled over ranks (MoCo v2's keys).
    Shuffled,
}

/// One line of "these views, that encoder".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderRequest {
    /// Which encoder.
    pub encoder: Encoder,
    /// View numbers, in the order the framework wants them.
    pub views: Vec<usize>,
    /// What is wanted of each view.
    pub levels: Vec<Level>,
    /// How the views are put together.
    pub grouping: Grouping,
    /// Which statistics batch normalisation uses.
    #[serde(default)]
    pub batch_norm: BatchNormMode,
    /// Over which ranks they are taken.
    #[serde(default)]
    pub scope: BatchNormScope,
}

impl EncoderRequest {
    /// Pooled features of `views` from `encoder` in train mode.
    #[must_use]
    pub fn pooled(
        encoder: Encoder,
        views: impl IntoIterator<Item = usize>,
        grouping: Grouping,
    ) -> Self {
        Self {
            encoder,
            views: views.into_iter().collect(),
            levels: vec![Level::Pooled],
            grouping,
            batch_norm: BatchNormMode::Train,
            scope: BatchNormScope::Synchronized,
        }
    }

    pub(super) fn validate(&self, views: usize, faults: &mut Vec<String>) {
        if self.views.is_empty() || self.levels.is_empty() {
            faults.push(format!(
                "request for the {:?} encoder: expected views and levels, found {} and {}",
                self.encoder,
                self.views.len(),
                self.levels.len()
            ));
        }
        for (n, &view) in self.views.iter().enumerate() {
            if view >= views {
                faults.push(format!(
                    "request for the {:?} encoder: expected views below {views}, found view {view}",
                    self.encoder
                ));
            }
            if self.views[..n].contains(&view) {
                faults.push(format!(
                    "request for the {:?} encoder: view {view} is listed twice",
                    self.encoder
                ));
            }
        }
    }
}

/// What images of a feature pass look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum PassTransform {
    /// The training views with these numbers, freshly drawn; each is its own batch.
    Views {
        /// View numbers.
        views: Vec<usize>,
    },
    /// The evaluation transform: resize 256, centre crop 224, normalise (scaled with the run's image size).
    Center,
}

/// A pass over the training set without gradient, whose features the framework absorbs.
///
/// Every sample is seen exactly once, whatever the number of ranks; only `drop_last` leaves any out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeaturePass {
    /// The name by which the framework asks for it.
    pub id: String,
    /// Which encoder.
    pub encoder: Encoder,
    /// Which statistics batch normalisation uses.
    pub batch_norm: BatchNormMode,
    /// What the images look like.
    pub transform: PassTransform,
    /// What is wanted.
    pub level: Level,
    /// Shuffled like a training epoch, or in data-set order.
    #[serde(default)]
    pub shuffle: bool,
    /// Whether an incomplete last batch is left out.
    #[serde(default)]
    pub drop_last: bool,
}

impl FeaturePass {
    pub(super) fn validate(&self, views: usize, faults: &mut Vec<String>) {
        if let PassTransform::Views { views: wanted } = &self.transform {
            for view in wanted.iter().filter(|&&view| view >= views) {
                faults.push(format!(
                    "feature pass {}: expected views below {views}, found view {view}",
                    self.id
                ));
            }
        }
    }
}
