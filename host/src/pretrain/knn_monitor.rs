//! Online evaluation of the backbone during pretraining: nearest neighbours on a part of the training set.

use super::error::PretrainError;
use super::job::PretrainJob;
use super::metrics_log::MetricsLine;
use crate::backbone::{Backbone, Inference};
use crate::evaluate::knn::{Blocks, FeatureBank, KnnProtocol, nearest, vote};
use crate::evaluate::linear::stratified;
use crate::evaluate::{EvaluateError, LabelSpace, Labels, extract, first_view, score};
use serde::{Deserialize, Serialize};
use ssl_datasets::loader::{EvalLoader, LoaderConfig};
use ssl_datasets::source::{Relabelled, Source};
use ssl_datasets::views::{EvalTransform, evaluation, normalization};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tch::{Device, Tensor};

/// A nearest-neighbour classifier on a part of the training set, every few epochs: some images are
/// classified by the others. It changes nothing and is written to the run's metrics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnnMonitorConfig {
    /// Epochs from one evaluation to the next; 0 turns it off. Default 10. The last epoch has one too.
    pub every: u64,
    /// Images in all, at least 2; a smaller training set is taken whole. Default 5000.
    pub samples: usize,
    /// Share of every class that is classified, in (0, 1). Default 0.1.
    pub held_out: f64,
    /// Neighbours, at least 1. Default 20.
    pub k: usize,
}

impl Default for KnnMonitorConfig {
    fn default() -> Self {
        Self {
            every: 10,
            samples: 5000,
            held_out: 0.1,
            k: 20,
        }
    }
}

impl KnnMonitorConfig {
    /// Whether the backbone is evaluated after `done` of `epochs` epochs.
    const fn is_due(&self, done: u64, epochs: u64) -> bool {
        self.every > 0 && (done.is_multiple_of(self.every) || done == epochs)
    }

    /// Every n-th of `samples` images: the classes of most sets come one after the other.
    fn rows(&self, samples: usize) -> Vec<u32> {
        let share = (self.samples.max(2) as f64 / samples as f64).min(1.0);
        let below = |rows: usize| (rows as f64 * share).floor();
        let rows = (0..samples).filter(|&row| below(row + 1) > below(row));
        rows.map(|row| row as u32).collect()
    }

    /// Images that are loaded in a run of `epochs` on a training set of `samples` images with one label each.
    #[must_use]
    pub fn images(&self, samples: usize, epochs: u64) -> u64 {
        let times = (1..=epochs)
            .filter(|&done| self.is_due(done, epochs))
            .count();
        times as u64 * self.rows(samples).len() as u64
    }
}

/// The images that are classified and those that classify them.
pub(super) struct KnnMonitor {
    settings: KnnMonitorConfig,
    images: Arc<dyn Source>,
    labels: Vec<u32>,
    classes: usize,
    bank: Vec<i64>,
    queries: Vec<i64>,
}

impl KnnMonitor {
    /// The monitor of a run; `None` where it is turned off, or the training set cannot be split
    /// (an image has several labels or none, or no class has two images).
    pub(super) fn of(job: &PretrainJob<'_>) -> Option<Self> {
        let settings = job.knn_monitor;
        if settings.every == 0 {
            return None;
        }
        let all = single_labels(job.source.as_ref())?;
        let rows = settings.rows(all.len());
        let labels: Vec<u32> = rows.iter().map(|&row| all[row as usize]).collect();
        let split = stratified(&labels, settings.held_out, job.seed).ok()?;
        let index = |places: &[usize]| places.iter().map(|&place| place as i64).collect();
        Some(Self {
            settings,
            classes: job.source.space().classes.len(),
            images: Arc::new(Relabelled::keep(Arc::clone(&job.source), rows)),
            labels,
            bank: index(&split.train),
            queries: index(&split.held_out),
        })
    }

    /// Whether the backbone is evaluated after `done` of `epochs` epochs.
    pub(super) const fn is_due(&self, done: u64, epochs: u64) -> bool {
        self.settings.is_due(done, epochs)
    }

    /// Classifies the held-out images. Returns the line for the metrics log.
    pub(super) fn evaluate(
        &self,
        job: &PretrainJob<'_>,
        backbone: &Backbone,
        epoch: u64,
        step: u64,
    ) -> Result<MetricsLine, PretrainError> {
        let fault = |source: EvaluateError| PretrainError::KnnMonitor {
            epoch,
            source: Box::new(source),
        };
        let features = self.features(job, backbone, fault)?;
        let part = |rows: &[i64]| -> Result<FeatureBank, EvaluateError> {
            let rows = Tensor::f_from_slice(rows)?;
            FeatureBank::try_new("the kNN monitor", &features.f_index_select(0, &rows)?)
        };
        let labels = |rows: &[i64]| -> Vec<u32> {
            rows.iter().map(|&row| self.labels[row as usize]).collect()
        };
        let scored = || -> Result<(u64, u64), EvaluateError> {
            let (bank, queries) = (part(&self.bank)?, part(&self.queries)?);
            let k = self.settings.k.min(bank.len());
            let protocol = KnnProtocol {
                k: vec![k],
                headline_k: k,
                ..KnnProtocol::default()
            };
            let space = [LabelSpace::Full {
                classes: self.classes,
            }];
            let found = nearest(&bank, &queries, k, Blocks::on(job.device))?;
            let rankings = vote(&found, &labels(&self.bank), self.classes, &space, &protocol);
            let valid = Labels::single(&labels(&self.queries), self.classes)?;
            let score = score("the kNN monitor", &space[0], &valid, &rankings[0][0])?;
            Ok((score.correct, score.n))
        };
        let (correct, n) = scored().map_err(fault)?;
        Ok(MetricsLine::KnnMonitor {
            epoch,
            step,
            k: self.settings.k.min(self.bank.len()),
            correct,
            n,
        })
    }

    fn features(
        &self,
        job: &PretrainJob<'_>,
        backbone: &Backbone,
        fault: impl Fn(EvaluateError) -> PretrainError,
    ) -> Result<Tensor, PretrainError> {
        let network = Inference::of(backbone)?;
        let view = evaluation(
            EvalTransform::Standard,
            job.image_size,
            normalization(job.views),
        );
        let config = LoaderConfig {
            workers: job.workers,
            ..LoaderConfig::default()
        };
        let loader = EvalLoader::new(Arc::clone(&self.images), view, config)?;
        let device = job.device;
        let batches = loader.start()?.map(|batch| {
            if job.cancel.load(Ordering::Relaxed) {
                return Err(Box::<dyn std::error::Error + Send + Sync>::from(
                    "cancelled",
                ));
            }
            let batch = batch?;
            Ok(first_view(&batch)?)
        });
        let features = extract("the kNN monitor", batches, |images| {
            network.features(&images.to_device(device))
        });
        match features {
            Err(_) if job.cancel.load(Ordering::Relaxed) => Err(PretrainError::Cancelled),
            other => other.map(|f| f.to_device(Device::Cpu)).map_err(fault),
        }
    }
}

fn single_labels(source: &dyn Source) -> Option<Vec<u32>> {
    let rows = source.labels().iter();
    rows.map(|row| match row {
        [label] => Some(*label),
        _ => None,
    })
    .collect()
}
