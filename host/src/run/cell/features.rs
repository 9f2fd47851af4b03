//! Features of the training set and of every test set.

use super::Work;
use super::error::CellError;
use super::extractor::FeatureExtractor;
use super::images::{BATCH, eval_batches, train_view};
use crate::backbone::Inference;
use crate::config::ProtocolName;
use crate::digest;
use crate::evaluate::{
    CacheKey, Cause, FeatureCache, FeaturePrecision, FeatureSet, Labels, TestSet, extract,
    raw_pixels,
};
use crate::ledger::Versions;
use crate::run::event::Stage;
use serde_json::json;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::{self, Source};
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
    ids: &'a [String],
    /// Digest of their contents; empty where nothing depends on it.
    content: &'a str,
    /// The pass with augmentation; `None` for the evaluation transform.
    pass: Option<u32>,
}

/// How far the extraction of all sets is.
struct Extraction<'a> {
    network: Option<Inference>,
    extractor: &'a FeatureExtractor,
    /// Hash of the network's tensors, where features are kept.
    backbone: String,
    done: u64,
    total: u64,
}

impl Work<'_> {
    /// Computes the features of every set. Sets of the same images (names and contents) are computed
    /// once, and those that an earlier attempt or another cell has kept are not computed again.
    pub(super) fn extract(
        &mut self,
        extractor: &FeatureExtractor,
        sources: Vec<Arc<dyn Source>>,
    ) -> Result<Sets, CellError> {
        let passes = self.augmented_passes(extractor);
        self.timed(Stage::Extract, |work| {
            let images: u64 = sources.iter().map(|s| s.len() as u64).sum();
            let mut extraction = Extraction {
                network: extractor.backbone.as_ref().map(Inference::of).transpose()?,
                extractor,
                backbone: work.backbone_hash(extractor)?,
                done: 0,
                total: images + u64::from(passes) * sources[0].len() as u64,
            };
            let ids: Vec<Vec<String>> = sources.iter().map(|source| ids(source.as_ref())).collect();
            let mut known: HashMap<(&[String], String), (String, Tensor)> = HashMap::new();
            let mut same_images = BTreeMap::new();
            let mut sets = Vec::new();
            let mut augmented = Vec::new();
            for (n, source) in sources.iter().enumerate() {
                work.check_cancelled()?;
                let own: &[String] = &ids[n];
                let namesakes = ids.iter().filter(|other| *other == own).count() > 1;
                let content = if namesakes || work.job.setup.features.is_some() {
                    work.content(source.as_ref(), &extraction)
                } else {
                    String::new()
                };
                let of = |pass| Images {
                    source,
                    ids: own,
                    content: &content,
                    pass,
                };
                let features = match known.get(&(own, content.clone())) {
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
                let labels = Labels::of_source(source.as_ref())?;
                let set = FeatureSet::try_new(source.name(), features, labels, own.to_vec())?;
                sets.push(set);
                known.entry((own, content)).or_insert(entry);
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

    /// Digest of a set's images, kept beside the features where those are.
    fn content(&mut self, source: &dyn Source, extraction: &Extraction<'_>) -> String {
        let (done, total) = (extraction.done, extraction.total);
        let setup = &self.job.setup;
        let note = format!("reading {}", source.name());
        let mut seen = |_| self.tell(Stage::Extract, done, total, &note);
        match &setup.features {
            Some(folder) => FeatureCache::new(folder).content(source, setup.workers, &mut seen),
            None => source::content(source, setup.workers, &mut seen),
        }
    }

    /// How many augmented passes the linear protocols want.
    fn augmented_passes(&self, extractor: &FeatureExtractor) -> u32 {
        let protocols = &self.job.evaluation.protocols;
        let linear = protocols.protocols.contains(&ProtocolName::Linear)
            || (protocols.protocols.contains(&ProtocolName::LinearPaper)
                && extractor.linear.is_some());
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
        let view = self.view(extraction.extractor, images.pass.is_some());
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
                    FeaturePrecision::Single => features,
                    FeaturePrecision::Half => features.f_to_kind(Kind::Half)?,
                }
            }
        })
    }

    /// The view that features are computed from.
    fn view(&self, extractor: &FeatureExtractor, augmented: bool) -> ViewGroup {
        let size = self.job.config.views.size;
        if augmented {
            return train_view(size, &self.job.config.views, extractor.normalize);
        }
        let transform = self.job.evaluation.protocols.transform;
        evaluation(transform, size, extractor.normalize)
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
        let data_set = json!({ "ids": images.ids, "content": images.content });
        let versions = Versions::current();
        let device = self.job.setup.device;
        let seed = images
            .pass
            .map(|pass| [self.job.config.seed, u64::from(pass)]);
        CacheKey {
            backbone: extraction.backbone.clone(),
            data_set: digest::sha256(data_set.to_string().as_bytes()),
            transform: json!({ "view": view, "pass": seed }).to_string(),
            program: json!([versions.host, versions.libtorch, device]).to_string(),
            precision: self.job.evaluation.protocols.precision,
        }
    }

    /// Hash of architecture and tensors; empty where nothing is kept.
    fn backbone_hash(&self, extractor: &FeatureExtractor) -> Result<String, CellError> {
        match &extractor.backbone {
            _ if self.job.setup.features.is_none() => Ok(String::new()),
            None => Ok("pixels".to_owned()),
            Some(backbone) => Ok(backbone.sha256()?),
        }
    }
}

fn ids(source: &dyn Source) -> Vec<String> {
    (0..source.len()).map(|index| source.id(index)).collect()
}
