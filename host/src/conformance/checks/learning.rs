//! Whether a backbone that the framework trains learns anything.

use crate::backbone::{Backbone, BackboneConfig, ComputePrecision, Depth, Stem};
use crate::config::RECIPE_SIZE;
use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::retrieval::Pairs;
use crate::conformance::subject::Subject;
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds, warning};
use crate::pretrain::{self, KnnMonitorConfig, NoProgress, PretrainError, PretrainJob};
use ssl_datasets::source::{Source, SourceConfig, open};
use ssl_datasets::views::{ViewTuning, rescale};
use ssl_plugin_api::SingleProcess;
use ssl_plugin_api::description::{Decay, Level, Optimizer, Recipe, Scaling};
use ssl_plugin_api::export::Instance;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tch::Device;

/// Images of the training set.
const IMAGES: usize = 640;
/// Images that are looked at afterwards, of another split.
const HELD_OUT: usize = 256;
/// Side of the images in pixels.
const SIDE: usize = 24;
/// The same for frameworks that look at feature maps: those of the last stage have five places a side.
const SIDE_OF_MAPS: usize = 40;
/// Images of a step: what narrow queues are a multiple of.
const BATCH: usize = 16;
/// Epochs of the run.
const EPOCHS: u64 = 12;
/// Learning rate of Adam, which suits losses of every scale.
const RATE: f64 = 2e-3;
/// Share of the held-out images by which the trained backbone has to be better to tell it from noise.
const MARGIN: f64 = 0.02;

inventory::submit! {
    Definition {
        id: "a-backbone-learns",
        group: Group::Learning,
        level: 4,
        says: "After 480 steps on drawn shapes a small backbone finds the other view of a held-out image, among those of 256, for more images than before; less than 2 of 100 more is a warning.",
        why: "All else can be right, and the framework still drive the backbone the wrong way: a loss of the wrong sign is right in every gradient. A collapsed backbone finds nothing.",
        mend: "Look at the sign of the loss, at the momentum of target heads, and at which branch is detached.",
        run: Run::Framework(a_backbone_learns),
    }
}

impl From<PretrainError> for Broken {
    fn from(error: PretrainError) -> Self {
        broken(error.to_string())
    }
}

/// A recipe that suits a minute, whatever the paper's.
fn recipe(own: &Recipe) -> Recipe {
    let mut recipe = own.clone();
    recipe.batch_size = BATCH;
    recipe.epochs = EPOCHS;
    recipe.optimizer = Optimizer::Adamw {
        betas: [0.9, 0.999],
        eps: 1e-8,
    };
    recipe.lr.base = RATE;
    recipe.lr.scaling = Scaling::None;
    recipe.lr.warmup = None;
    recipe.lr.decay = Decay::Constant;
    recipe.groups.retain(|rule| rule.own_lr.is_none());
    for rule in &mut recipe.groups {
        rule.optimizer = None;
    }
    recipe
}

/// Drawn shapes of a split.
fn shapes(split: &str, count: usize) -> Result<Arc<dyn Source>, Broken> {
    let config: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": split, "kind": "shapes", "split": split, "count": count,
    }))
    .map_err(|error| broken(error.to_string()))?;
    open(&config, None).map_err(|error| broken(error.to_string()))
}

fn a_backbone_learns(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let description = subject.describe(&plugin)?;
    let recipe = recipe(&description.recipe);
    // Blurred patches of a few pixels say nothing about an image.
    let tuning = ViewTuning {
        drop_blur: true,
        min_area: Some(0.4),
        ..ViewTuning::default()
    };
    let mut requests = description.encoders.iter();
    let pooled = requests.all(|request| request.levels == [Level::Pooled]);
    let side = if pooled { SIDE } else { SIDE_OF_MAPS };
    let views = rescale(&description.views, RECIPE_SIZE, side, &tuning);
    let backbone = BackboneConfig {
        depth: Depth::Resnet18,
        stem: Stem::Cifar,
        width: 0.125,
        zero_init_residual: false,
    };
    let folder = tempfile::tempdir()?;
    let job = PretrainJob {
        framework: subject.id(),
        plugin: None,
        allow_other_build: false,
        config: &subject.config,
        description: &description,
        recipe: &recipe,
        views: &views,
        image_size: side,
        source: shapes("train", IMAGES)?,
        backbone: &backbone,
        precision: ComputePrecision::F32,
        seed: subject.seed(),
        device: Device::Cpu,
        ranks: None,
        workers: 1,
        threads: 1,
        knn_monitor: KnnMonitorConfig {
            every: 0,
            ..KnnMonitorConfig::default()
        },
        checkpoint_every: Duration::MAX,
        dir: folder.path().to_owned(),
        sign_of_life: || {},
        cancel: Arc::new(AtomicBool::new(false)),
    };
    let pairs = Pairs::draw(shapes("val", HELD_OUT)?, side, subject.seed())?;
    let untrained = Backbone::new(&backbone, subject.seed(), Device::Cpu);
    let before = pairs.found(&untrained.map_err(|error| broken(error.to_string()))?)?;
    let create = |context: &_| {
        let instance = subject.create_in(&plugin, context, Arc::new(SingleProcess))?;
        Ok(Box::new(instance) as Box<dyn Instance>)
    };
    let trained = pretrain::run(&job, create, &mut NoProgress)?.backbone;
    let after = pairs.found(&trained)?;
    let told = format!(
        "the other view of {after} of {HELD_OUT} held-out images is found, {before} before training"
    );
    expect(after > before, || {
        format!("expected a trained backbone to find more than before, found that {told}")
    })?;
    let least = before + (MARGIN * HELD_OUT as f64).ceil() as usize;
    if after < least {
        return warning(format!(
            "{told}: less than the {least} that tell it from noise"
        ));
    }
    holds(told)
}
