//! All epochs of a run.

use super::checkpoint;
use super::collapse::Spread;
use super::error::PretrainError;
use super::job::{PretrainJob, PretrainOutcome};
use super::knn_monitor::KnnMonitor;
use super::metrics_log::{MetricsLine, MetricsLog};
use super::passes;
use super::pinned;
use super::trainer::{StepOutcome, Trainer};
use crate::backbone::ComputePrecision;
use crate::progress::Progress;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{Fault, RunContext, TrainStep};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tch::Tensor;

/// Pretrains a backbone, going on from the checkpoint in the job's folder where there is one, and
/// exports it.
///
/// `create` starts the framework on the context that backbone, data and recipe make.
///
/// # Errors
/// [`PretrainError`]; [`PretrainError::Cancelled`] when the flag was set, with the last epoch's
/// checkpoint in place.
pub fn run(
    job: &PretrainJob<'_>,
    create: impl FnOnce(&RunContext) -> Result<Box<dyn Instance>, Fault>,
    progress: &mut dyn Progress,
) -> Result<PretrainOutcome, PretrainError> {
    tch::set_num_threads(job.threads.max(1) as i32);
    std::fs::create_dir_all(&job.dir).map_err(|source| PretrainError::Io {
        doing: "create",
        path: job.dir.clone(),
        source,
    })?;
    let loader = TrainLoader::new(
        Arc::clone(&job.source),
        job.views,
        LoaderConfig {
            batch_size: job.recipe.batch_size,
            seed: job.seed,
            workers: job.workers,
            defer_steps: job.device.is_cuda(),
            ..LoaderConfig::default()
        },
    )?;
    let loader = pinned::place(loader, job.device);
    let steps_per_epoch = loader.batches_per_epoch() as u64;
    let mut trainer = Trainer::new(job, steps_per_epoch, create)?;
    let checkpoint::ResumePoint {
        epochs: first,
        builds,
    } = checkpoint::resume(&mut trainer, job, progress)?;
    let mut session = Session {
        job,
        loader,
        steps_per_epoch,
        metrics_log: MetricsLog::open(&job.dir, first * steps_per_epoch)?,
        progress,
        epoch_loss: None,
        images: 0,
        seconds: 0.0,
    };
    let knn_monitor = KnnMonitor::of(job);
    for epoch in first..job.recipe.epochs {
        session.epoch(&mut trainer, epoch)?;
        let done = epoch + 1;
        if let Some(knn_monitor) = knn_monitor
            .as_ref()
            .filter(|p| p.is_due(done, job.recipe.epochs))
        {
            session.evaluate_online(knn_monitor, &trainer, epoch)?;
        }
        checkpoint::save(&mut trainer, job, &builds, done, done * steps_per_epoch)?;
    }
    let exports = checkpoint::export(&trainer, &job.dir)?;
    Ok(PretrainOutcome {
        epochs: job.recipe.epochs,
        steps: job.recipe.epochs * steps_per_epoch,
        loss: session.epoch_loss,
        images_per_s: (session.seconds > 0.0).then(|| session.images as f64 / session.seconds),
        builds,
        exports,
        backbone: trainer.backbone.with_precision(ComputePrecision::F32),
        target: trainer
            .target
            .map(|target| target.with_precision(ComputePrecision::F32)),
    })
}

struct Session<'a> {
    job: &'a PretrainJob<'a>,
    loader: TrainLoader,
    steps_per_epoch: u64,
    metrics_log: MetricsLog,
    progress: &'a mut dyn Progress,
    epoch_loss: Option<f64>,
    /// Images and seconds of all epochs so far.
    images: u64,
    seconds: f64,
}

/// What an epoch adds up.
#[derive(Default)]
struct EpochTotals {
    steps: u64,
    loss: f64,
    images: u64,
    features: Option<Tensor>,
}

impl Session<'_> {
    fn at(&self, epoch: u64, batch: u64) -> TrainStep {
        TrainStep {
            epoch,
            epochs: self.job.recipe.epochs,
            step: epoch * self.steps_per_epoch + batch,
            steps_per_epoch: self.steps_per_epoch,
            seed: self.job.seed,
        }
    }

    fn epoch(&mut self, trainer: &mut Trainer<'_>, epoch: u64) -> Result<(), PretrainError> {
        let start = self.at(epoch, 0);
        let began = Instant::now();
        passes::run_due(trainer, self.job, &start, self.progress)?;
        let order = trainer.begin_epoch(&start)?;
        let mut batches = self.loader.start(EpochOptions {
            order,
            ..EpochOptions::at(epoch as u32)
        })?;
        let mut totals = EpochTotals::default();
        let mut last = Instant::now();
        // An order of the framework's own may be longer than an epoch; what is over is not seen.
        for _ in 0..self.steps_per_epoch {
            let asked = Instant::now();
            let Some(batch) = batches.next() else { break };
            let batch = batch?;
            let data_wait_s = asked.elapsed().as_secs_f64();
            if self.job.cancel.load(Ordering::Relaxed) {
                return Err(PretrainError::Cancelled);
            }
            let at = self.at(epoch, batch.number as u64);
            passes::run_due(trainer, self.job, &at, self.progress)?;
            let outcome = trainer.step(&at, &batch)?;
            totals.steps += 1;
            totals.loss += outcome.loss;
            totals.images += batch.len() as u64;
            let images_per_s = batch.len() as f64 / last.elapsed().as_secs_f64().max(1e-9);
            last = Instant::now();
            self.tell(&at, &outcome, images_per_s, data_wait_s)?;
            totals.features = outcome.features;
        }
        if totals.steps > 0 {
            trainer.end_epoch(&self.at(epoch, totals.steps - 1))?;
        }
        self.images += totals.images;
        self.seconds += began.elapsed().as_secs_f64();
        self.close(epoch, &totals, began.elapsed().as_secs_f64())
    }

    /// Classifies a few training images by their neighbours and writes the result down.
    fn evaluate_online(
        &mut self,
        knn_monitor: &KnnMonitor,
        trainer: &Trainer<'_>,
        epoch: u64,
    ) -> Result<(), PretrainError> {
        let step = (epoch + 1) * self.steps_per_epoch;
        let line = knn_monitor.evaluate(self.job, &trainer.backbone, epoch, step)?;
        if let MetricsLine::KnnMonitor { k, correct, n, .. } = &line {
            let epoch = epoch + 1;
            self.progress.note(&format!(
                "epoch {epoch}: {correct} of {n} by {k} neighbours"
            ));
        }
        self.metrics_log.write(&line)
    }

    /// Writes down a step and shows how far the run is.
    fn tell(
        &mut self,
        at: &TrainStep,
        outcome: &StepOutcome,
        images_per_s: f64,
        data_wait_s: f64,
    ) -> Result<(), PretrainError> {
        self.metrics_log.write(&MetricsLine::Step {
            step: at.step,
            epoch: at.epoch,
            loss: outcome.loss,
            lr: outcome.report.lr,
            weight_decay: outcome.report.weight_decay,
            momentum: outcome.momentum,
            images_per_s,
            data_wait_s,
            metrics: outcome.metrics.iter().cloned().collect(),
        })?;
        let batch = self.job.recipe.batch_size as u64;
        let (done, total) = (at.step + 1, at.steps());
        self.progress.progress(
            done * batch,
            total * batch,
            &format!(
                "epoch {}/{} loss {:.4}",
                at.epoch + 1,
                at.epochs,
                outcome.loss
            ),
        );
        Ok(())
    }

    /// Writes down an epoch and warns of collapse.
    fn close(
        &mut self,
        epoch: u64,
        totals: &EpochTotals,
        seconds: f64,
    ) -> Result<(), PretrainError> {
        let loss = totals.loss / totals.steps.max(1) as f64;
        self.epoch_loss = Some(loss);
        let spread = totals
            .features
            .as_ref()
            .filter(|f| f.size()[0] > 1)
            .map(Spread::of)
            .transpose()
            .map_err(PretrainError::torch("the spread of features"))?;
        if let Some(spread) = spread.filter(Spread::is_collapsed) {
            self.progress.warning(&format!(
                "features have collapsed in epoch {}: relative standard deviation {:.4} (1 when spread evenly), effective rank {:.1}",
                epoch + 1,
                spread.std,
                spread.effective_rank
            ));
        }
        self.metrics_log.write(&MetricsLine::Epoch {
            epoch,
            step: (epoch + 1) * self.steps_per_epoch,
            loss,
            images_per_s: totals.images as f64 / seconds.max(1e-9),
            seconds,
            feature_std: spread.map(|s| s.std),
            effective_rank: spread.map(|s| s.effective_rank),
        })
    }
}
