//! The benchmark file's root and its small sections.

use super::check::Checks;
use super::checkpoint::{CheckpointEntry, check_rows};
use super::data::{Data, OnBroken};
use super::evaluate::Evaluate;
use super::features::{FeaturesEntry, check_features};
use super::frameworks::{FrameworkSection, Frameworks};
use super::pretrain::Pretrain;
use super::run::Run;
use crate::backbone::BackboneConfig;
use serde::{Deserialize, Serialize};
use ssl_datasets::views::ViewTuning;
use std::collections::BTreeMap;

/// A benchmark: which frameworks with which seeds, on which data, judged how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Benchmark {
    /// Ids of the frameworks, or `"all"` for every plugin found. Default `"all"`.
    pub frameworks: Frameworks,
    /// Seeds; each framework is run once with each. Default `[0]`.
    pub seeds: Vec<u64>,
    /// Rows to compare with that learn nothing. Default none.
    pub baselines: Vec<Baseline>,
    /// Rows that were pretrained elsewhere. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checkpoint: Vec<CheckpointEntry>,
    /// Rows of features that another program computed. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<FeaturesEntry>,
    /// The network.
    pub backbone: BackboneConfig,
    /// Training set and test sets.
    pub data: Data,
    /// How the frameworks' views are fitted to small images.
    pub views: Views,
    /// Pretraining, for all frameworks.
    pub pretrain: Pretrain,
    /// What differs for single frameworks, by id.
    pub framework: BTreeMap<String, FrameworkSection>,
    /// The evaluations.
    pub evaluate: Evaluate,
    /// The aggregates.
    pub aggregate: Aggregate,
    /// How cells are executed; has no influence on results.
    pub run: Run,
}

/// A row of the table that was not pretrained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// The same backbone as it was initialised.
    Untrained,
    /// The pixels of the evaluation transform themselves.
    Pixels,
}

impl Baseline {
    /// The row's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untrained => "untrained",
            Self::Pixels => "pixels",
        }
    }
}

impl std::fmt::Display for Baseline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How a framework's views, which are written for crops of 224 pixels, are fitted to the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Views {
    /// Side in pixels of the views that are 224 in the recipe, in 8 ..= 1024; other sizes scale
    /// with it. Default 224.
    pub size: usize,
    /// What small images need changed. Default nothing.
    pub tuning: ViewTuning,
}

impl Default for Views {
    fn default() -> Self {
        Self {
            size: RECIPE_SIZE,
            tuning: ViewTuning::default(),
        }
    }
}

/// Side of the large crops in every recipe.
pub const RECIPE_SIZE: usize = 224;

/// How results become one number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Aggregate {
    /// Which of its label spaces stands for a set of which only some classes occur. Default `full`,
    /// as in the study.
    pub label_space: SpaceChoice,
    /// Points from the published accuracy within which a row counts as verified, in 0 ..= 100. Default 1, as in the
    /// study.
    pub verify: f64,
    /// Whether rows that are not verified are left out of tables and reports, which name them. Rows without a published
    /// number stay. Default false.
    pub require_verified: bool,
}

impl Default for Aggregate {
    fn default() -> Self {
        Self {
            label_space: SpaceChoice::default(),
            verify: 1.0,
            require_verified: false,
        }
    }
}

impl Aggregate {
    /// The points within which a row has to be verified to take part; `None` where all rows do.
    #[must_use]
    pub fn required(&self) -> Option<f64> {
        self.require_verified.then_some(self.verify)
    }
}

/// One of the label spaces of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceChoice {
    /// All classes that were trained on.
    #[default]
    Full,
    /// The classes that occur, where the set declares them.
    Subset,
}

impl Default for Benchmark {
    fn default() -> Self {
        Self {
            frameworks: Frameworks::All,
            seeds: vec![0],
            baselines: Vec::new(),
            checkpoint: Vec::new(),
            features: Vec::new(),
            backbone: BackboneConfig::default(),
            data: Data::default(),
            views: Views::default(),
            pretrain: Pretrain::default(),
            framework: BTreeMap::new(),
            evaluate: Evaluate::default(),
            aggregate: Aggregate::default(),
            run: Run::default(),
        }
    }
}

impl Views {
    fn check_tuning(&self, path: &str, checks: &mut Checks) {
        let tuning = &self.tuning;
        let share = |area: f32| (0.0..=1.0).contains(&area);
        if let Some(area) = tuning.min_area {
            let at = format!("{path}.min_area");
            checks.require(&at, share(area), "a number in [0, 1]", area);
        }
        if let Some([least, most]) = tuning.local_area {
            checks.require(
                &format!("{path}.local_area"),
                share(least) && share(most) && least <= most,
                "two ascending numbers in [0, 1]",
                format_args!("[{least}, {most}]"),
            );
        }
        if let Some(strength) = tuning.color_strength {
            checks.not_negative(&format!("{path}.color_strength"), f64::from(strength));
        }
    }
}

impl Benchmark {
    /// Collects every value that is out of range.
    pub(super) fn check(&self, checks: &mut Checks) {
        self.frameworks.check("frameworks", checks);
        checks.distinct("seeds", &self.seeds);
        if !self.baselines.is_empty() {
            checks.distinct("baselines", &self.baselines);
        }
        let mut taken: Vec<String> = self.baselines.iter().map(|b| b.name().to_owned()).collect();
        if let Frameworks::Listed(ids) = &self.frameworks {
            taken.extend(ids.iter().cloned());
        }
        check_rows(&self.checkpoint, &taken, checks);
        taken.extend(self.checkpoint.iter().map(CheckpointEntry::row));
        check_features(self, taken, checks);
        checks.backbone("backbone", &self.backbone);
        self.data.check("data", checks);
        let size = self.views.size;
        checks.require(
            "views.size",
            (8..=1024).contains(&size),
            "a whole number in 8..=1024",
            size,
        );
        self.views.check_tuning("views.tuning", checks);
        self.pretrain.check("pretrain", checks);
        for (id, section) in &self.framework {
            section.check(&format!("framework.{id}"), checks);
        }
        self.evaluate.check("evaluate", checks);
        let verify = self.aggregate.verify;
        checks.require(
            "aggregate.verify",
            (0.0..=100.0).contains(&verify),
            "a number in [0, 100]",
            verify,
        );
        self.run.check("run", checks);
        checks.require(
            "data.on_broken",
            self.is_same_on_ranks() || !self.run.has_ranks(),
            r#""fail" with several ranks, which have to see the same images"#,
            r#""skip""#,
        );
    }

    /// Whether several ranks see the same images: one may be able to read an image that another one cannot.
    #[must_use]
    pub fn is_same_on_ranks(&self) -> bool {
        self.data.on_broken == OnBroken::Fail
    }
}
