//! Whether a backbone that the framework trains learns anything.

use crate::backbone::{Backbone, BackboneConfig, ComputePrecision, Depth, Stem};
use crate::config::RECIPE_SIZE;
use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::subject::Subject;
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds, warning};
use crate::pretrain::{self, KnnMonitorConfig, PretrainError, PretrainJob, Progress};
use ssl_datasets::source::{SourceConfig, open};
use ssl_datasets::views::{ViewTuning, rescale};
use ssl_plugin_api::SingleProcess;
use ssl_plugin_api::description::{Decay, Optimizer, Recipe, Scaling};
use ssl_plugin_api::export::Instance;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tch::Device;

/// Images of the training set.
const IMAGES: usize = 320;
/// Side of the images in pixels.
const SIDE: usize = 24;
/// Images of a step: what narrow queues are a multiple of.
const BATCH: usize = 16;
/// Epochs of the run.
const EPOCHS: u64 = 6;
/// Standard errors by which the trained backbone may be worse than the untrained one.
const NOISE: f64 = 2.0;

inventory::submit! {
    Definition {
        id: "a-backbone-learns",
        group: Group::Learning,
        level: 4,
        says: "A small backbone that the framework trains for a minute on drawn shapes classifies them no worse than it did untrained, and its features do not collapse.",
        why: "All else can be right, and the framework still drive the backbone the wrong way: a loss of the wrong sign is right in every gradient.",
        mend: "Look at the sign of the loss, at the momentum of target heads, and at which branch is detached.",
        run: Run::Framework(a_backbone_learns),
    }
}

/// Keeps what the run warns of.
#[derive(Default)]
struct Warnings(Vec<String>);

impl Progress for Warnings {
    fn progress(&mut self, _done: u64, _total: u64, _note: &str) {}
    fn note(&mut self, _text: &str) {}
    fn warning(&mut self, text: &str) {
        self.0.push(text.to_owned());
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
    recipe.optimizer = Optimizer::Sgd {
        momentum: 0.9,
        nesterov: false,
    };
    recipe.lr.base = 0.03;
    recipe.lr.scaling = Scaling::None;
    recipe.lr.warmup = None;
    recipe.lr.decay = Decay::Constant;
    recipe.groups.retain(|rule| rule.own_lr.is_none());
    for rule in &mut recipe.groups {
        rule.optimizer = None;
        rule.frozen_steps = None;
        rule.frozen_epochs = None;
    }
    recipe
}

fn a_backbone_learns(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let description = subject.describe(&plugin)?;
    let recipe = recipe(&description.recipe);
    let views = rescale(
        &description.views,
        RECIPE_SIZE,
        SIDE,
        &ViewTuning::default(),
    );
    let source: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": "train", "kind": "shapes", "split": "train", "count": IMAGES,
    }))
    .map_err(|error| broken(error.to_string()))?;
    let source = open(&source, None).map_err(|error| broken(error.to_string()))?;
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
        image_size: SIDE,
        source,
        backbone: &backbone,
        precision: ComputePrecision::F32,
        seed: subject.seed(),
        device: Device::Cpu,
        workers: 1,
        threads: 1,
        knn_monitor: KnnMonitorConfig {
            every: EPOCHS,
            samples: IMAGES,
            held_out: 0.5,
            k: 10,
        },
        checkpoint_every: Duration::MAX,
        dir: folder.path().to_owned(),
        sign_of_life: || {},
        cancel: Arc::new(AtomicBool::new(false)),
    };
    let untrained = Backbone::new(&backbone, subject.seed(), Device::Cpu);
    let untrained = untrained.map_err(|error| broken(error.to_string()))?;
    let (before, of) = pretrain::classified(&job, &untrained)?;
    let create = |context: &_| {
        let instance = subject.create_in(&plugin, context, Arc::new(SingleProcess))?;
        Ok(Box::new(instance) as Box<dyn Instance>)
    };
    let mut warnings = Warnings::default();
    let outcome = pretrain::run(&job, create, &mut warnings)?;
    let (after, _) = pretrain::classified(&job, &outcome.backbone)?;
    let share = before as f64 / of.max(1) as f64;
    let noise = NOISE * (2.0 * share * (1.0 - share) * of as f64).sqrt();
    expect(after as f64 >= before as f64 - noise, || {
        format!(
            "expected {EPOCHS} epochs to leave at least {before} of {of} images classified by their neighbours, as \
             before them and less noise of {noise:.0}, found {after}"
        )
    })?;
    let collapsed = warnings.0.iter().rfind(|text| text.contains("collapsed"));
    let told = format!(
        "{after} of {of} images are classified by their neighbours, {before} before training"
    );
    match collapsed {
        Some(text) if after <= before => Err(broken(format!(
            "expected features that differ from image to image, found that {text}"
        ))),
        Some(text) => warning(format!("{told}; {text}")),
        None if after <= before => warning(format!("{told}: no better, within noise")),
        None => holds(told),
    }
}
