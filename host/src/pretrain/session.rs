//! All epochs of a run.

use super::checkpoint::Checkpoints;
use super::collapse::Spread;
use super::error::PretrainError;
use super::export::export;
use super::job::{PretrainJob, PretrainOutcome};
use super::knn_monitor::KnnMonitor;
use super::metrics_log::{MetricsLine, MetricsLog};
use super::passes;
use super::peers::Peers;
use super::pinned;
use super::position::Position;
use super::resume::resume;
use super::trainer::{StepOutcome, Trainer};
use crate::backbone::ComputePrecision;
use crate::heartbeat;
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
/// [`PretrainError`]; [`PretrainError::Cancelled`] when the flag was set on any rank, with a checkpoint of the
/// last step in place; [`PretrainError::Ranks`] names the rank that has ended the others.
pub fn run(
    job: &PretrainJob<'_>,
    create: impl FnOnce(&RunContext) -> Result<Box<dyn Instance>, Fault>,
    progress: &mut dyn Progress,
) -> Result<PretrainOutcome, PretrainError> {
    let peers = Peers::of(job.ranks.as_ref());
    match train(job, &peers, create, progress) {
        Err(error) if !matches!(error, PretrainError::Cancelled) => Err(peers.explain(error)),
        other => other,
    }
}

fn train(
    job: &PretrainJob<'_>,
    peers: &Peers,
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
            batch_size: peers.part_of_batch(job.recipe.batch_size)?,
            rank: peers.rank(),
            world: peers.world_size(),
            seed: job.seed,
            workers: job.workers,
            defer_steps: job.device.is_cuda(),
            ..LoaderConfig::default()
        },
    )?;
    let loader = pinned::place(loader, job.device);
    let steps_per_epoch = loader.batches_per_epoch() as u64;
    let mut trainer = Trainer::new(job, steps_per_epoch, peers, create)?;
    let (checkpoints, position) = resume(&mut trainer, job, progress)?;
    let step = position.step(steps_per_epoch);
    let mut session = Session {
        job,
        loader,
        steps_per_epoch,
        metrics_log: match peers.is_first() {
            true => Some(MetricsLog::open(&job.dir, step, position.monitor_due)?),
            false => None,
        },
        peers,
        progress,
        checkpoints,
        position,
        lap: Instant::now(),
    };
    let knn_monitor = KnnMonitor::of(job);
    while session.position.epoch < job.recipe.epochs || session.position.monitor_due {
        if session.position.monitor_due {
            session.evaluate_online(knn_monitor.as_ref(), &mut trainer)?;
        } else {
            session.epoch(&mut trainer)?;
            let done = session.position.epoch + 1;
            let due = knn_monitor.as_ref();
            let due = due.is_some_and(|it| it.is_due(done, job.recipe.epochs));
            session.position.end_epoch(due);
        }
        if !session.position.monitor_due {
            session.save(&mut trainer)?;
        }
    }
    peers.same_statistics(&trainer.backbone)?;
    let exports = match peers.is_first() {
        true => export(&trainer, &job.dir)?,
        false => Vec::new(),
    };
    let Session {
        position,
        checkpoints,
        ..
    } = session;
    Ok(PretrainOutcome {
        epochs: job.recipe.epochs,
        steps: job.recipe.epochs * steps_per_epoch,
        loss: position.loss.of_last_epoch,
        images_per_s: position.work.images_per_s(),
        builds: checkpoints.builds,
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
    /// The first rank's.
    metrics_log: Option<MetricsLog>,
    peers: &'a Peers,
    progress: &'a mut dyn Progress,
    checkpoints: Checkpoints,
    position: Position,
    /// When the time was last added up.
    lap: Instant,
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

    /// The rest of the epoch at whose start, or in which, the run stands.
    fn epoch(&mut self, trainer: &mut Trainer<'_>) -> Result<(), PretrainError> {
        let epoch = self.position.epoch;
        self.lap = Instant::now();
        if self.position.batch == 0 {
            self.pause(trainer)?;
            let start = self.at(epoch, 0);
            let checkpoints = Some((&mut self.checkpoints, &self.position));
            passes::run_due(trainer, self.job, &start, checkpoints, self.progress)?;
            self.position.order =
                heartbeat::while_computing(self.job.sign_of_life, || trainer.begin_epoch(&start))?;
            self.expect_same_order()?;
        }
        let mut batches = self.loader.start(EpochOptions {
            epoch: epoch as u32,
            first_batch: self.position.batch as usize,
            order: self.position.order.clone(),
        })?;
        let mut features = None;
        let mut last = Instant::now();
        // An order of the framework's own may be longer than an epoch; what is over is not seen.
        while self.position.batch < self.steps_per_epoch {
            let asked = Instant::now();
            let Some(batch) = batches.next() else { break };
            let batch = batch?;
            let data_wait_s = asked.elapsed().as_secs_f64();
            let at = self.at(epoch, self.position.batch);
            // Between an epoch's start and its first step is no place from which a run goes on.
            let mut checkpoints = None;
            if self.position.batch > 0 {
                self.pause(trainer)?;
                checkpoints = Some((&mut self.checkpoints, &self.position));
            } else if self.peers.any([self.is_cancelled()])? == [true] {
                return Err(PretrainError::Cancelled);
            }
            passes::run_due(trainer, self.job, &at, checkpoints, self.progress)?;
            let outcome = trainer.step(&at, &batch)?;
            self.position.batch += 1;
            self.position.loss.sum += outcome.loss;
            let images = batch.len() * self.peers.world_size();
            self.position.work.epoch_images += images as u64;
            let images_per_s = images as f64 / last.elapsed().as_secs_f64().max(1e-9);
            last = Instant::now();
            self.add_time();
            self.tell(&at, &outcome, images_per_s, data_wait_s)?;
            features = outcome.features;
        }
        if self.position.batch > 0 {
            trainer.end_epoch(&self.at(epoch, self.position.batch - 1))?;
        }
        self.add_time();
        self.close(features.as_ref())
    }

    /// Refuses an order of samples that is not the same on every rank.
    fn expect_same_order(&self) -> Result<(), PretrainError> {
        let order = self.position.order.as_deref().unwrap_or_default();
        let mixed = order.iter().fold(0, |hash: u64, &sample| {
            (hash ^ sample).wrapping_mul(0x0100_0000_01b3)
        });
        self.peers.expect_same(&[order.len() as i64, mixed as i64])
    }

    /// Writes a line of metrics, where this rank is the one that does.
    fn write(&mut self, line: &MetricsLine) -> Result<(), PretrainError> {
        match &mut self.metrics_log {
            Some(log) => log.write(line),
            None => Ok(()),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.job.cancel.load(Ordering::Relaxed)
    }

    /// Writes a checkpoint where one is due, and ends the run where that is asked for.
    fn pause(&mut self, trainer: &mut Trainer<'_>) -> Result<(), PretrainError> {
        // Clocks differ: the first rank's decides.
        let due = self.peers.is_first() && self.checkpoints.are_due();
        let [stop, due] = self.peers.any([self.is_cancelled(), due])?;
        if stop || due {
            self.save(trainer)?;
        }
        if stop {
            return Err(PretrainError::Cancelled);
        }
        Ok(())
    }

    fn save(&mut self, trainer: &mut Trainer<'_>) -> Result<(), PretrainError> {
        self.checkpoints.save(trainer, &self.position).map(|_| ())
    }

    /// Adds the time since the last call to the epoch's.
    fn add_time(&mut self) {
        let now = Instant::now();
        self.position.work.epoch_seconds += now.duration_since(self.lap).as_secs_f64();
        self.lap = now;
    }

    /// Classifies a few training images by their neighbours and writes the result down.
    fn evaluate_online(
        &mut self,
        knn_monitor: Option<&KnnMonitor>,
        trainer: &mut Trainer<'_>,
    ) -> Result<(), PretrainError> {
        if let Some(knn_monitor) = knn_monitor {
            let done = self.position.epoch;
            let step = self.position.step(self.steps_per_epoch);
            let line = match self.peers.is_first() {
                true => knn_monitor
                    .evaluate(self.job, &trainer.backbone, done - 1, step)
                    .map(Some),
                false => Ok(None),
            };
            let line = match line {
                Err(PretrainError::Cancelled) => None,
                other => Some(other?),
            };
            if self.peers.any([line.is_none()])? == [true] {
                self.save(trainer)?;
                return Err(PretrainError::Cancelled);
            }
            if let Some(line) = line.flatten() {
                if let MetricsLine::KnnMonitor { k, correct, n, .. } = &line {
                    self.progress
                        .note(&format!("epoch {done}: {correct} of {n} by {k} neighbours"));
                }
                self.write(&line)?;
            }
        }
        self.position.monitor_due = false;
        Ok(())
    }

    /// Writes down a step and shows how far the run is.
    fn tell(
        &mut self,
        at: &TrainStep,
        outcome: &StepOutcome,
        images_per_s: f64,
        data_wait_s: f64,
    ) -> Result<(), PretrainError> {
        self.write(&MetricsLine::Step {
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

    /// Writes down the epoch whose steps are done, and warns of collapse; `features` are its last batch's.
    fn close(&mut self, features: Option<&Tensor>) -> Result<(), PretrainError> {
        let Position {
            epoch,
            batch,
            loss,
            work,
            ..
        } = &self.position;
        let spread = features
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
        let line = MetricsLine::Epoch {
            epoch: *epoch,
            step: (epoch + 1) * self.steps_per_epoch,
            loss: loss.sum / (*batch).max(1) as f64,
            images_per_s: work.epoch_images as f64 / work.epoch_seconds.max(1e-9),
            seconds: work.epoch_seconds,
            feature_std: spread.map(|s| s.std),
            effective_rank: spread.map(|s| s.effective_rank),
        };
        self.write(&line)
    }
}
