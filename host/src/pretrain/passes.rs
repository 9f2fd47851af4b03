//! Passes over the training set whose features the framework absorbs. A pass that was stopped goes on
//! with the features that it had computed ([`PassLog`]).

use super::checkpoint::Checkpoints;
use super::encode::view_tensors;
use super::error::PretrainError;
use super::heads::index_tensor;
use super::job::PretrainJob;
use super::pass_log::PassLog;
use super::position::Position;
use super::trainer::{Trainer, seed_generator};
use crate::backbone::Backbone;
use crate::heartbeat;
use crate::progress::Progress;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::views::{EvalTransform, evaluation, normalization};
use ssl_plugin_api::description::{BatchNormMode, Encoder, FeaturePass, PassTransform, ViewGroup};
use ssl_plugin_api::{Feature, TrainStep};
use ssl_plugin_tensor::export_read_only;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tch::{Kind, Tensor, no_grad};

/// Runs passes while the framework names one. With the checkpoints and the place of this step, a
/// checkpoint is written before the first pass, from which a run that is stopped in one goes on.
pub(super) fn run_due(
    trainer: &mut Trainer<'_>,
    job: &PretrainJob<'_>,
    at: &TrainStep,
    mut checkpoints: Option<(&mut Checkpoints, &Position)>,
    progress: &mut dyn Progress,
) -> Result<(), PretrainError> {
    if job.description.passes.is_empty() {
        return Ok(());
    }
    let mut log = None;
    let mut nth = 0;
    while let Some(id) = trainer
        .instance
        .due(at)
        .map_err(PretrainError::plugin("due", at.step))?
    {
        let Some(pass) = job.description.passes.iter().find(|p| p.id == id) else {
            let known: Vec<&str> = job
                .description
                .passes
                .iter()
                .map(|p| p.id.as_str())
                .collect();
            return Err(PretrainError::UnknownPass {
                known: known.join(", "),
                found: id,
                step: at.step,
            });
        };
        // Features of several ranks are in no file: how many each has computed would differ.
        if let Some((checkpoints, position)) = checkpoints.take()
            && trainer.peers.ranks().is_none()
        {
            log = Some(checkpoints.pass_log(trainer, position, progress)?);
        }
        run(trainer, job, at, pass, nth, log.as_mut(), progress)?;
        nth += 1;
    }
    Ok(())
}

fn run(
    trainer: &mut Trainer<'_>,
    job: &PretrainJob<'_>,
    at: &TrainStep,
    pass: &FeaturePass,
    nth: u64,
    mut log: Option<&mut PassLog>,
    progress: &mut dyn Progress,
) -> Result<(), PretrainError> {
    let (groups, chosen) = groups(job, pass);
    let loader = TrainLoader::new(
        Arc::clone(&job.source),
        &groups,
        LoaderConfig {
            batch_size: trainer.peers.part_of_batch(job.recipe.batch_size)?,
            rank: trainer.peers.rank(),
            world: trainer.peers.world_size(),
            seed: seed(job.seed, at.step, nth),
            workers: job.workers,
            shuffle: pass.shuffle,
            drop_last: pass.drop_last,
            defer_steps: job.device.is_cuda(),
            ..LoaderConfig::default()
        },
    )?;
    let total = if pass.drop_last {
        loader.batches_per_epoch() * job.recipe.batch_size
    } else {
        job.source.len()
    };
    let call = |name| PretrainError::plugin(name, at.step);
    trainer.peers.same_statistics(encoder(trainer, pass))?;
    seed_generator(job.seed, at.step ^ (nth + 1).rotate_right(8));
    trainer
        .instance
        .begin_pass(at, &pass.id, total)
        .map_err(call("begin_pass"))?;
    let views: Vec<usize> = chosen.iter().map(|&(_, view)| view).collect();
    let (mut done, mut number) = (0, 0);
    let mut absorb = |trainer: &mut Trainer<'_>,
                      found: &Absorbed,
                      progress: &mut dyn Progress|
     -> Result<(), PretrainError> {
        found.hand_over(trainer, pass, &views, at.step)?;
        done = (done + found.indices.len() * trainer.peers.world_size()).min(total);
        progress.note(&format!("pass {}: {done} of {total} images", pass.id));
        Ok(())
    };
    while let Some(record) = log.as_mut().and_then(|log| log.next(nth)) {
        let found = Absorbed::of_record(record);
        found.restore(encoder(trainer, pass))?;
        absorb(trainer, &found, progress)?;
        number += 1;
    }
    let options = EpochOptions {
        first_batch: number,
        ..EpochOptions::at(at.epoch as u32)
    };
    for batch in loader.start(options)? {
        let batch = batch?;
        let [stop] = trainer.peers.any([job.cancel.load(Ordering::Relaxed)])?;
        if stop {
            return Err(PretrainError::Cancelled);
        }
        let views =
            view_tensors(&batch, trainer.device).map_err(PretrainError::torch("the views"))?;
        let backbone = encoder(trainer, pass);
        let mut features = Vec::new();
        for &(place, _) in &chosen {
            // A last batch may leave this rank without images; the others' statistics still need it.
            if batch.is_empty() && pass.batch_norm == BatchNormMode::Eval {
                continue;
            }
            let (ranks, images) = (trainer.peers.ranks(), &views[place]);
            let found = no_grad(|| {
                let ranks = ranks.map(|ranks| &**ranks);
                backbone.forward_over(ranks, images, pass.batch_norm, &[pass.level])
            })?;
            // Contiguous, as it comes back out of the log.
            let feature = found.get(pass.level).map(Tensor::f_contiguous).transpose();
            features.extend(feature.map_err(PretrainError::torch("a feature"))?);
        }
        if batch.is_empty() {
            continue;
        }
        let found = Absorbed {
            indices: batch.indices.clone(),
            features,
            statistics: Vec::new(),
        };
        if let Some(log) = &mut log {
            log.keep(nth, found.to_record(backbone, pass), progress);
        }
        absorb(trainer, &found, progress)?;
    }
    // Clusters, where the framework has some.
    heartbeat::while_computing(job.sign_of_life, || trainer.instance.end_pass())
        .map_err(call("end_pass"))
}

fn encoder<'t>(trainer: &'t Trainer<'_>, pass: &FeaturePass) -> &'t Backbone {
    match (&trainer.target, pass.encoder) {
        (Some(target), Encoder::Target) => target,
        _ => &trainer.backbone,
    }
}

/// A batch of a pass.
struct Absorbed {
    indices: Vec<u64>,
    /// One for each view.
    features: Vec<Tensor>,
    /// The backbone's running statistics after it, out of a record, where the pass moves them.
    statistics: Vec<(String, Tensor)>,
}

impl Absorbed {
    fn to_record(&self, backbone: &Backbone, pass: &FeaturePass) -> Vec<(String, Tensor)> {
        let indices: Vec<i64> = self.indices.iter().map(|&sample| sample as i64).collect();
        let mut record = vec![("index".to_owned(), Tensor::from_slice(&indices))];
        let features = self.features.iter().enumerate();
        record.extend(features.map(|(n, tensor)| (format!("feature.{n:04}"), tensor.detach())));
        if pass.batch_norm == BatchNormMode::Train {
            let moved = backbone.buffers().iter();
            record.extend(moved.map(|it| (format!("statistic.{}", it.name), it.tensor.detach())));
        }
        record
    }

    /// What [`Absorbed::to_record`] made; the tensors come in the order of their names.
    fn of_record(record: Vec<(String, Tensor)>) -> Self {
        let mut found = Self {
            indices: Vec::new(),
            features: Vec::new(),
            statistics: Vec::new(),
        };
        for (name, tensor) in record {
            if let Some(name) = name.strip_prefix("statistic.") {
                found.statistics.push((name.to_owned(), tensor));
            } else if name.starts_with("feature.") {
                found.features.push(tensor);
            } else if name == "index" && tensor.kind() == Kind::Int64 {
                let indices = Vec::<i64>::try_from(&tensor).unwrap_or_default();
                found.indices = indices.into_iter().map(|sample| sample as u64).collect();
            }
        }
        found
    }

    /// Sets the backbone's running statistics to what they were after this batch.
    fn restore(&self, backbone: &Backbone) -> Result<(), PretrainError> {
        let known = backbone.buffers().iter();
        for (own, (_, kept)) in known.filter_map(|own| {
            let kept = self.statistics.iter().find(|(name, _)| *name == own.name)?;
            Some((own, kept))
        }) {
            no_grad(|| own.tensor.shallow_clone().f_copy_(kept))
                .map_err(PretrainError::torch("restoring running statistics"))?;
        }
        Ok(())
    }

    fn hand_over(
        &self,
        trainer: &mut Trainer<'_>,
        pass: &FeaturePass,
        views: &[usize],
        step: u64,
    ) -> Result<(), PretrainError> {
        let features = views
            .iter()
            .zip(&self.features)
            .map(|(&view, tensor)| {
                Ok(Feature {
                    encoder: pass.encoder,
                    view,
                    level: pass.level,
                    tensor: export_read_only(&tensor.to_device(trainer.device))
                        .map_err(PretrainError::plugin("absorb", step))?,
                })
            })
            .collect::<Result<Vec<_>, PretrainError>>()?;
        trainer
            .instance
            .absorb(index_tensor(&self.indices), features)
            .map_err(PretrainError::plugin("absorb", step))
    }
}

/// The views to load, and for each that is wanted its place among them and its number.
fn groups(job: &PretrainJob<'_>, pass: &FeaturePass) -> (Vec<ViewGroup>, Vec<(usize, usize)>) {
    let PassTransform::Views { views } = &pass.transform else {
        let normalize = normalization(job.views);
        let center = evaluation(EvalTransform::Standard, job.image_size, normalize);
        return (vec![center], vec![(0, 0)]);
    };
    let of_view: Vec<&ViewGroup> = job
        .views
        .iter()
        .flat_map(|group| std::iter::repeat_n(group, group.count))
        .collect();
    let wanted: Vec<(usize, &ViewGroup)> = views
        .iter()
        .filter_map(|&view| of_view.get(view).map(|group| (view, *group)))
        .collect();
    if wanted.iter().any(|(_, group)| group.patches.is_some()) {
        // Patches are cut from one augmented image, so the whole group has to be made.
        let all = wanted.iter().map(|&(view, _)| (view, view)).collect();
        return (job.views.to_vec(), all);
    }
    let single = |group: &ViewGroup| ViewGroup {
        count: 1,
        ..group.clone()
    };
    let chosen = wanted
        .iter()
        .enumerate()
        .map(|(place, &(view, _))| (place, view))
        .collect();
    (wanted.iter().map(|(_, g)| single(g)).collect(), chosen)
}

/// A seed for each pass, none of them the epochs' own.
fn seed(run: u64, step: u64, nth: u64) -> u64 {
    let place = (step << 8) + nth + 1;
    run ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
