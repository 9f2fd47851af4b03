//! The source of a cell's features: a pretrained backbone, an untrained one, or the pixels.

use super::Work;
use super::error::CellError;
use super::services::CellServices;
use crate::backbone::Backbone;
use crate::config::{Baseline, RECIPE_SIZE};
use crate::device::DeviceName;
use crate::digest;
use crate::ledger::PluginStamp;
use crate::plugins::{check_description, check_metadata};
use crate::pretrain::{self, Collectives, PretrainJob};
use crate::run::event::Stage;
use crate::run::job::Subject;
use serde_json::{Value, json};
use ssl_datasets::source::Source;
use ssl_datasets::views::{normalization, rescale};
use ssl_plugin_api::Fault;
use ssl_plugin_api::description::{
    Description, FinetuneRecipe, IMAGENET_MEAN, IMAGENET_STD, LinearRecipe, Published, ViewGroup,
};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::foreign::Plugin;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tch::Device;

/// What turns images into features.
pub(super) struct FeatureExtractor {
    /// The network; `None` for raw pixels.
    pub backbone: Option<Backbone>,
    /// Mean and standard deviation the images are normalised with.
    pub normalize: Option<([f32; 3], [f32; 3])>,
    /// What the record keeps.
    pub summary: Value,
    /// The framework's own linear evaluation.
    pub linear: Option<LinearRecipe>,
    /// The framework's own fine-tuning.
    pub finetune: Vec<FinetuneRecipe>,
    /// What its authors report of the backbone.
    pub published: Vec<Published>,
}

impl FeatureExtractor {
    /// None: features are the pixels as they are, or were computed elsewhere.
    pub(super) fn without_network(summary: Value) -> Self {
        Self {
            backbone: None,
            normalize: None,
            summary,
            linear: None,
            finetune: Vec::new(),
            published: Vec::new(),
        }
    }
}

impl Work<'_> {
    /// What turns images into the features of a row.
    pub(super) fn extractor(
        &mut self,
        subject: &Subject,
        train: &Arc<dyn Source>,
    ) -> Result<FeatureExtractor, CellError> {
        match subject {
            Subject::Framework { .. } => self.pretrain(train),
            Subject::Checkpoint(subject) => self.import(subject),
            Subject::Baseline {
                baseline: Baseline::Untrained,
            } => self.untrained(),
            Subject::Baseline {
                baseline: Baseline::Pixels,
            }
            | Subject::Features(_) => Ok(FeatureExtractor::without_network(Value::Null)),
        }
    }

    /// The backbone as the seed initialises it: where every framework starts from.
    fn untrained(&mut self) -> Result<FeatureExtractor, CellError> {
        let config = &self.job.config;
        let backbone = Backbone::new(&config.backbone, config.seed, self.device()?)?;
        Ok(FeatureExtractor {
            backbone: Some(backbone),
            normalize: Some((IMAGENET_MEAN, IMAGENET_STD)),
            summary: Value::Null,
            linear: None,
            finetune: Vec::new(),
            published: Vec::new(),
        })
    }

    /// Pretrains the cell's framework, or takes what an earlier attempt has finished.
    fn pretrain(&mut self, train: &Arc<dyn Source>) -> Result<FeatureExtractor, CellError> {
        let (
            Subject::Framework {
                id, config, recipe, ..
            },
            Some(path),
        ) = (&self.job.config.subject, &self.job.setup.plugin)
        else {
            return self.untrained();
        };
        // The plugin may change the folder that relative paths start from.
        let file = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        self.tell(Stage::Prepare, 0, 1, "plugin");
        let config = Value::Object(config.clone());
        let (plugin, description) = self.timed(Stage::Prepare, |work| {
            let plugin = Plugin::open(&file)?;
            work.plugin = Some(stamp(path, &file, &plugin, id)?);
            for metadata in plugin.frameworks().iter().filter(|it| it.id == *id) {
                check_metadata(metadata).map_err(unsound("hello"))?;
            }
            let description = plugin
                .describe(id, &config)
                .map_err(|source| CellError::Plugin {
                    call: "describe",
                    source,
                })?;
            check_description(&description).map_err(unsound("describe"))?;
            Ok((plugin, description))
        })?;
        let recipe = recipe.apply(description.recipe.clone());
        let views = self.views(&description);
        let setup = &self.job.setup;
        let services = Arc::new(CellServices {
            framework: id.clone(),
            cancel: self.cancel.clone(),
            collectives: Collectives::of(self.ranks.clone()),
            sign: self.listener.sign_of_life(),
        });
        let device = self.device()?;
        let build = self.plugin.as_ref().map(|stamp| stamp.sha256.clone());
        let outcome = self.timed(Stage::Pretrain, |work| {
            let job = PretrainJob {
                framework: id,
                plugin: build.as_deref(),
                allow_other_build: setup.allow_other_build,
                config: &config,
                description: &description,
                recipe: &recipe,
                views: &views,
                image_size: work.job.config.views.size,
                source: Arc::clone(train),
                backbone: &work.job.config.backbone,
                precision: work.job.config.precision,
                seed: work.job.config.seed,
                device,
                ranks: work.ranks.clone(),
                workers: setup.workers,
                threads: setup.threads,
                knn_monitor: setup.probe,
                checkpoint_every: setup.checkpoints.duration(),
                dir: work.job.dir.join("pretrain"),
                sign_of_life: work.listener.sign_of_life(),
                cancel: work.cancel.flag(),
            };
            let create = |context: &_| {
                let instance = plugin.create(id, &config, context, services)?;
                Ok(Box::new(instance) as Box<dyn Instance>)
            };
            Ok(pretrain::run(
                &job,
                create,
                &mut work.progress(Stage::Pretrain),
            )?)
        })?;
        Ok(FeatureExtractor {
            summary: json!({
                "recipe": recipe,
                "views": views,
                "epochs": outcome.epochs,
                "steps": outcome.steps,
                "ranks": self.ranks.as_ref().map_or(1, |ranks| ranks.world_size()),
                "loss": outcome.loss,
                "images_per_s": outcome.images_per_s,
                "builds": outcome.builds,
            }),
            normalize: normalization(&description.views),
            backbone: Some(outcome.backbone),
            linear: description.linear,
            finetune: description.finetune,
            published: Vec::new(),
        })
    }

    fn views(&self, description: &Description) -> Vec<ViewGroup> {
        let views = &self.job.config.views;
        rescale(&description.views, RECIPE_SIZE, views.size, &views.tuning)
    }

    /// The device of the job's setup.
    pub(super) fn device(&self) -> Result<Device, CellError> {
        let device = match (self.job.setup.device, self.launch) {
            // Each process of a machine has a GPU of its own.
            (DeviceName::Cuda(first), Some(launch)) => {
                DeviceName::Cuda(first.saturating_add(launch.local_rank as u16))
            }
            (device, _) => device,
        };
        device.device().ok_or(CellError::Device { device })
    }
}

/// What a plugin says of itself that the host cannot work with.
fn unsound(call: &'static str) -> impl Fn(String) -> CellError {
    move |found| CellError::Plugin {
        call,
        source: Fault::internal(found),
    }
}

/// The stamp of the plugin that the job knows as `path`, whose file is `file`.
pub(super) fn stamp(
    path: &Path,
    file: &Path,
    plugin: &Plugin,
    id: &str,
) -> Result<PluginStamp, CellError> {
    let sha256 = File::open(file)
        .and_then(digest::sha256_of)
        .map_err(|source| CellError::ReadPlugin {
            path: path.to_owned(),
            source,
        })?;
    let metadata = plugin
        .frameworks()
        .iter()
        .find(|metadata| metadata.id == id);
    Ok(PluginStamp {
        path: path.to_owned(),
        version: metadata
            .map(|metadata| metadata.version.clone())
            .unwrap_or_default(),
        sha256,
    })
}
