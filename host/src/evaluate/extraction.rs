//! Features of a training set and of its test sets, by one network.

use super::cache::{CacheKey, FeatureCache, FeaturePrecision};
use super::images::{BATCH, first_views};
use super::{
    Cause, EvaluateError, FeatureSet, Labels, Result, TestSet, extract, raw_pixels, same_images,
};
use crate::backbone::{Backbone, Inference};
use crate::checksum::Checksum;
use crate::digest;
use crate::progress::Progress;
use serde_json::json;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::{self, Source};
use ssl_plugin_api::description::ViewGroup;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tch::{Device, Kind, Tensor};

/// What to extract, and with what.
#[derive(Debug)]
pub struct Extraction<'a> {
    /// The network; `None` takes the pixels for features.
    pub backbone: Option<&'a Backbone>,
    /// The view that features are computed from.
    pub view: &'a ViewGroup,
    /// The view of the augmented passes over the training set.
    pub augmented_view: &'a ViewGroup,
    /// How many augmented passes there are.
    pub augmented_passes: u32,
    /// How exactly features are kept.
    pub precision: FeaturePrecision,
    /// Folder of kept features; `None` keeps them in memory.
    pub cache: Option<&'a Path>,
    /// What computes, for the key of kept features: versions and device.
    pub program: &'a str,
    /// Seed of the augmentation.
    pub seed: u64,
    /// Threads that load images.
    pub workers: usize,
    /// Set when the work is to stop.
    pub cancel: &'a AtomicBool,
}

/// Features of all sets.
#[derive(Debug)]
pub struct ExtractedSets {
    /// The training set's.
    pub train: FeatureSet,
    /// The training set's under augmentation, pass by pass.
    pub augmented: Vec<Tensor>,
    /// Those of the test sets, in order.
    pub test: Vec<FeatureSet>,
    /// Test sets made of the same images as an earlier one, by name.
    pub same_images: BTreeMap<String, String>,
}

/// Rows of features whose bytes are taken at once.
const ROWS: i64 = 4096;

impl ExtractedSets {
    /// BLAKE3 digest of what classifiers are trained on: features and labels of the training set, and its
    /// augmented passes.
    ///
    /// # Errors
    /// What the tensor library reports; [`EvaluateError::NotSingle`] for images without exactly one label.
    pub fn training_digest(&self) -> Result<String> {
        let mut checksum = Checksum::default();
        let labels = self.train.labels();
        checksum.update(&labels.num_classes().to_le_bytes());
        for label in labels.to_single()? {
            checksum.update(&label.to_le_bytes());
        }
        for features in std::iter::once(self.train.features()).chain(&self.augmented) {
            let (rows, dim) = features.size2()?;
            checksum.update(format!("{:?} {rows} {dim}", features.kind()).as_bytes());
            for start in (0..rows).step_by(ROWS as usize) {
                let block = features.f_narrow(0, start, ROWS.min(rows - start))?;
                let raw = block.f_contiguous()?.f_view_dtype(Kind::Uint8)?;
                let mut bytes = vec![0_u8; raw.numel()];
                raw.f_copy_data(&mut bytes, raw.numel())?;
                checksum.update(&bytes);
            }
        }
        Ok(checksum.finish())
    }

    /// The test sets; the first is the one the others are compared with.
    #[must_use]
    pub fn tests(&self) -> Vec<TestSet<'_>> {
        let tests = self.test.iter().enumerate();
        tests
            .map(|(n, set)| TestSet {
                set,
                reference: n == 0,
            })
            .collect()
    }
}

/// What one pass needs to know about its images.
struct Images<'a> {
    source: &'a Arc<dyn Source>,
    ids: &'a [String],
    /// Digest of their contents; empty where nothing depends on it.
    content: &'a str,
    /// The augmented pass; `None` for the evaluation transform.
    pass: Option<u32>,
}

/// A running extraction.
struct Run<'a> {
    task: &'a Extraction<'a>,
    /// The network with its place; `None` for pixels.
    network: Option<(Inference, Device)>,
    /// Hash of the network's tensors, where features are kept.
    backbone: String,
    done: u64,
    total: u64,
    progress: &'a mut dyn Progress,
}

impl Extraction<'_> {
    /// Computes the features of the training set, which is the first source, and of every test set. Sets of
    /// the same images (names and contents) are computed once, and kept features are not computed again.
    ///
    /// # Errors
    /// What data, backbone and cache report; [`EvaluateError::Cancelled`] when the flag was set.
    pub fn run(
        &self,
        train: &Arc<dyn Source>,
        tests: &[Arc<dyn Source>],
        progress: &mut dyn Progress,
    ) -> Result<ExtractedSets> {
        let images: u64 = tests.iter().map(|s| s.len() as u64).sum();
        let passes = 1 + u64::from(self.augmented_passes);
        let mut run = Run {
            task: self,
            network: self.backbone.map(network).transpose()?,
            backbone: self.backbone_hash()?,
            done: 0,
            total: images + passes * train.len() as u64,
            progress,
        };
        let sources: Vec<&Arc<dyn Source>> = std::iter::once(train).chain(tests).collect();
        let keyed = self.cache.is_some();
        let identities = same_images::identities(&sources, keyed, |source| run.content(source));
        let mut same_images = BTreeMap::new();
        let mut sets: Vec<FeatureSet> = Vec::new();
        let mut augmented = Vec::new();
        for (n, (source, identity)) in sources.into_iter().zip(&identities).enumerate() {
            let images = |pass| Images {
                source,
                ids: &identity.ids,
                content: &identity.content,
                pass,
            };
            let features = match identity.first {
                Some(first) => {
                    same_images.insert(source.name().to_owned(), sets[first].id().to_owned());
                    sets[first].features().shallow_clone()
                }
                None => run.features(&images(None))?,
            };
            run.done += source.len() as u64;
            if n == 0 {
                for pass in 0..self.augmented_passes {
                    augmented.push(run.features(&images(Some(pass)))?);
                    run.done += source.len() as u64;
                }
            }
            let labels = Labels::of_source(source.as_ref())?;
            let ids = identity.ids.clone();
            sets.push(FeatureSet::try_new(source.name(), features, labels, ids)?);
        }
        let train = sets.remove(0);
        Ok(ExtractedSets {
            train,
            augmented,
            test: sets,
            same_images,
        })
    }

    /// Hash of architecture and tensors; empty where nothing is kept.
    fn backbone_hash(&self) -> Result<String> {
        match self.backbone {
            _ if self.cache.is_none() => Ok(String::new()),
            None => Ok("pixels".to_owned()),
            Some(backbone) => Ok(backbone.sha256()?),
        }
    }

    fn check_cancelled(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(EvaluateError::Cancelled);
        }
        Ok(())
    }

    fn loader(&self, images: &Images<'_>, view: &ViewGroup) -> Result<TrainLoader> {
        let config = LoaderConfig {
            batch_size: BATCH,
            seed: self.seed,
            workers: self.workers,
            shuffle: false,
            drop_last: false,
            ..LoaderConfig::default()
        };
        let source = Arc::clone(images.source);
        Ok(TrainLoader::new(
            source,
            std::slice::from_ref(view),
            config,
        )?)
    }
}

impl Run<'_> {
    /// Digest of a set's images, kept beside the features where those are.
    fn content(&mut self, source: &dyn Source) -> String {
        let note = format!("reading {}", source.name());
        let mut seen = |_| self.progress.progress(self.done, self.total, &note);
        let workers = self.task.workers;
        match self.task.cache {
            Some(folder) => FeatureCache::new(folder).content(source, workers, &mut seen),
            None => source::content(source, workers, &mut seen),
        }
    }

    fn features(&mut self, images: &Images<'_>) -> Result<Tensor> {
        let task = self.task;
        task.check_cancelled()?;
        let view = match images.pass {
            Some(_) => task.augmented_view,
            None => task.view,
        };
        let key = self.key(images, view);
        let loader = task.loader(images, view)?;
        let name = images.source.name();
        let network = &self.network;
        let forward = |images: &Tensor| -> std::result::Result<Tensor, Cause> {
            Ok(match network {
                None => raw_pixels(images)?,
                Some((network, device)) => network.features(&images.f_to_device(*device)?)?,
            })
        };
        let (mut done, total) = (self.done, self.total);
        let progress = &mut *self.progress;
        let count = images.source.len();
        let batches = |first: usize| {
            let batches = loader.start(EpochOptions {
                first_batch: first,
                order: Some((0..count as u64).collect()),
                ..EpochOptions::at(images.pass.unwrap_or_default())
            })?;
            done += (first * BATCH).min(count) as u64;
            Ok(first_views(batches, move |count| {
                task.check_cancelled()?;
                done += count;
                progress.progress(done, total, name);
                Ok(())
            }))
        };
        let features = match task.cache {
            Some(folder) => FeatureCache::new(folder).features(&key, batches, forward),
            None => extract(name, batches(0)?, forward).and_then(|features| match key.precision {
                FeaturePrecision::Single => Ok(features),
                FeaturePrecision::Half => Ok(features.f_to_kind(Kind::Half)?),
            }),
        };
        // The end that was asked for comes out of the loader as its error.
        features.map_err(|error| task.check_cancelled().err().unwrap_or(error))
    }

    fn key(&self, images: &Images<'_>, view: &ViewGroup) -> CacheKey {
        let data_set = json!({ "ids": images.ids, "content": images.content });
        let seed = images.pass.map(|pass| [self.task.seed, u64::from(pass)]);
        CacheKey {
            backbone: self.backbone.clone(),
            data_set: digest::sha256(data_set.to_string().as_bytes()),
            transform: json!({ "view": view, "pass": seed }).to_string(),
            program: self.task.program.to_owned(),
            precision: self.task.precision,
        }
    }
}

fn network(backbone: &Backbone) -> Result<(Inference, Device)> {
    Ok((Inference::of(backbone)?, backbone.device()))
}
