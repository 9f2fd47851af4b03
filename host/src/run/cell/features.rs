//! Features of the training set and of every test set.

use super::Work;
use super::error::CellError;
use super::images::{BATCH, eval_batches, train_view};
use super::learn::Learnt;
use crate::backbone::Inference;
use crate::config::{ProtocolName, canonical};
use crate::evaluate::{
    CacheKey, Cause, FeatureCache, FeatureSet, Labels, Precision, TestSet, extract, raw_pixels,
};
use crate::run::event::Stage;
use serde_json::json;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::{Source, SourceConfig};
use ssl_datasets::views::evaluation;
use ssl_plugin_api::description::ViewGroup;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tch::{Kind, Tensor};

/// Features of all sets.
pub(super) struct Sets {
    /// The training set's.
    pub train: FeatureSet,
    /// The training set's under augmentation, pass by pass.
    pub augmented: Vec<Tensor>,
    /// Those of the test sets, in order.
    pub test: Vec<FeatureSet>,
    /// Test sets made of the same images as an earlier one, by name.
    pub same_images: BTreeMap<String, String>,
    /// The images: the training set's, then those of the test sets.
    pub sources: Vec<Arc<dyn Source>>,
}

impl Sets {
    /// The test sets; the first is the one the others are compared with.
    pub(super) fn tests(&self) -> Vec<TestSet<'_>> {
        let tests = self.test.iter().enumerate();
        tests
            .map(|(n, set)| TestSet {
                set,
                reference: n == 0,
            })
            .collect()
    }
}

/// What one extraction needs to know about its images.
struct Images<'a> {
    source: &'a Arc<dyn Source>,
    config: &'a SourceConfig,
    ids: &'a [String],
    /// The pass with augmentation; `None` for the evaluation transform.
    pass: Option<u32>,
}

/// How far the extraction of all sets is.
struct Extraction<'a> {
    network: Option<Inference>,
    learnt: &'a Learnt,
    /// Hash of the network's tensors, where features are kept.
    backbone: String,
    done: u64,
    total: u64,
}

impl Work<'_> {
    /// Computes the features of every set. Sets of the same images are computed once, and those that
    /// an earlier attempt or another cell has kept are not computed again.
    pub(super) fn extract(
        &mut self,
        learnt: &Learnt,
        sources: Vec<Arc<dyn Source>>,
    ) -> Result<Sets, CellError> {
        let configs: Vec<SourceConfig> = std::iter::once(&self.job.config.train)
            .chain(&self.job.evaluation.test)
            .cloned()
            .collect();
        let passes = self.augmented_passes(learnt);
        self.timed(Stage::Extract, |work| {
            let images: u64 = sources.iter().map(|s| s.len() as u64).sum();
            let mut extraction = Extraction {
                network: learnt.backbone.as_ref().map(Inference::of).transpose()?,
                learnt,
                backbone: work.backbone_hash(learnt)?,
                done: 0,
                total: images + u64::from(passes) * sources[0].len() as u64,
            };
            let mut known: HashMap<Vec<String>, (String, Tensor)> = HashMap::new();
            let mut same_images = BTreeMap::new();
            let mut sets = Vec::new();
            let mut augmented = Vec::new();
            for (n, (source, config)) in sources.iter().zip(&configs).enumerate() {
                work.check_cancelled()?;
                let ids: Vec<String> = (0..source.len()).map(|i| source.id(i)).collect();
                let of = |pass| Images {
                    source,
                    config,
                    ids: &ids,
                    pass,
                };
                let features = match known.get(&ids) {
                    Some((first, features)) => {
                        same_images.insert(source.name().to_owned(), first.clone());
                        features.shallow_clone()
                    }
                    None => work.features(&extraction, &of(None))?,
                };
                extraction.done += source.len() as u64;
                if n == 0 {
                    for pass in 0..passes {
                        augmented.push(work.features(&extraction, &of(Some(pass)))?);
                        extraction.done += source.len() as u64;
                    }
                }
                let entry = (source.name().to_owned(), features.shallow_clone());
                known.entry(ids.clone()).or_insert(entry);
                let labels = Labels::of_source(source.as_ref())?;
                sets.push(FeatureSet::try_new(source.name(), features, labels, ids)?);
            }
            let train = sets.remove(0);
            Ok(Sets {
                train,
                augmented,
                test: sets,
                same_images,
                sources,
            })
        })
    }

    /// How many augmented passes the linear protocols want.
    fn augmented_passes(&self, learnt: &Learnt) -> u32 {
        let protocols = &self.job.evaluation.protocols;
        let linear = protocols.protocols.contains(&ProtocolName::Linear)
            || (protocols.protocols.contains(&ProtocolName::LinearPaper)
                && learnt.linear.is_some());
        if linear {
            protocols.linear.augmented_passes as u32
        } else {
            0
        }
    }

    fn features(
        &mut self,
        extraction: &Extraction<'_>,
        images: &Images<'_>,
    ) -> Result<Tensor, CellError> {
        let device = self.device()?;
        let view = self.view(extraction.learnt, images.pass.is_some());
        let key = self.key(extraction, images, &view);
        let loader = self.loader(images, view)?;
        let name = images.source.name().to_owned();
        let mut done = extraction.done;
        let total = extraction.total;
        let forward = |images: &Tensor| -> Result<Tensor, Cause> {
            Ok(match &extraction.network {
                None => raw_pixels(images)?,
                Some(network) => network.features(&images.f_to_device(device)?)?,
            })
        };
        let cache = self.job.setup.features.clone().map(FeatureCache::new);
        let epoch = EpochOptions::at(images.pass.unwrap_or_default());
        let order = (0..images.source.len() as u64).collect();
        let batches = loader.start(EpochOptions {
            order: Some(order),
            ..epoch
        })?;
        let batches = eval_batches(batches, |images| {
            done += images;
            self.tell(Stage::Extract, done, total, &name);
        });
        Ok(match cache {
            Some(cache) => cache.features(&key, || batches, forward)?,
            None => {
                let features = extract(images.source.name(), batches, forward)?;
                match key.precision {
                    Precision::Single => features,
                    Precision::Half => features.f_to_kind(Kind::Half)?,
                }
            }
        })
    }

    /// The view that features are computed from.
    fn view(&self, learnt: &Learnt, augmented: bool) -> ViewGroup {
        let size = self.job.config.views.size;
        if augmented {
            return train_view(size, &self.job.config.views, learnt.normalize);
        }
        let transform = self.job.evaluation.protocols.transform;
        evaluation(transform, size, learnt.normalize)
    }

    fn loader(&self, images: &Images<'_>, view: ViewGroup) -> Result<TrainLoader, CellError> {
        let config = LoaderConfig {
            batch_size: BATCH,
            seed: self.job.config.seed,
            workers: self.job.setup.workers,
            shuffle: false,
            drop_last: false,
            ..LoaderConfig::default()
        };
        Ok(TrainLoader::new(
            Arc::clone(images.source),
            &[view],
            config,
        )?)
    }

    fn key(&self, extraction: &Extraction<'_>, images: &Images<'_>, view: &ViewGroup) -> CacheKey {
        let data_set = json!({ "config": images.config, "ids": images.ids });
        let seed = images
            .pass
            .map(|pass| [self.job.config.seed, u64::from(pass)]);
        CacheKey {
            backbone: extraction.backbone.clone(),
            data_set: canonical::sha256_hex(data_set.to_string().as_bytes()),
            transform: json!({ "view": view, "pass": seed }).to_string(),
            precision: self.job.evaluation.protocols.precision,
        }
    }

    /// Hash of architecture and tensors; empty where nothing is kept.
    fn backbone_hash(&self, learnt: &Learnt) -> Result<String, CellError> {
        match &learnt.backbone {
            _ if self.job.setup.features.is_none() => Ok(String::new()),
            None => Ok("pixels".to_owned()),
            Some(backbone) => Ok(backbone.sha256()?),
        }
    }
}
