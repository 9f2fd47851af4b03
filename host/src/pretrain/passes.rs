//! Passes over the training set whose features the framework absorbs.

use super::encode::view_tensors;
use super::error::PretrainError;
use super::heads::index_tensor;
use super::job::PretrainJob;
use super::trainer::Trainer;
use crate::progress::Progress;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::views::{EvalTransform, evaluation, normalization};
use ssl_plugin_api::description::{Encoder, FeaturePass, PassTransform, ViewGroup};
use ssl_plugin_api::{Feature, TrainStep};
use ssl_plugin_tensor::export_read_only;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tch::no_grad;

/// Runs passes while the framework names one.
pub(super) fn run_due(
    trainer: &mut Trainer<'_>,
    job: &PretrainJob<'_>,
    at: &TrainStep,
    progress: &mut dyn Progress,
) -> Result<(), PretrainError> {
    if job.description.passes.is_empty() {
        return Ok(());
    }
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
        run(trainer, job, at, pass, nth, progress)?;
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
    progress: &mut dyn Progress,
) -> Result<(), PretrainError> {
    let (groups, chosen) = groups(job, pass);
    let loader = TrainLoader::new(
        Arc::clone(&job.source),
        &groups,
        LoaderConfig {
            batch_size: job.recipe.batch_size,
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
    trainer
        .instance
        .begin_pass(at, &pass.id, total)
        .map_err(call("begin_pass"))?;
    let mut done = 0;
    for batch in loader.start(EpochOptions::at(at.epoch as u32))? {
        let batch = batch?;
        if job.cancel.load(Ordering::Relaxed) {
            return Err(PretrainError::Cancelled);
        }
        let views =
            view_tensors(&batch, trainer.device).map_err(PretrainError::torch("the views"))?;
        let backbone = match (&trainer.target, pass.encoder) {
            (Some(target), Encoder::Target) => target,
            _ => &trainer.backbone,
        };
        let features = chosen
            .iter()
            .map(|&(place, view)| {
                let features =
                    no_grad(|| backbone.forward(&views[place], pass.batch_norm, &[pass.level]))?;
                let tensor = features.get(pass.level).map(export_read_only);
                let tensor = tensor.transpose().map_err(call("absorb"))?;
                Ok(tensor.map(|tensor| Feature {
                    encoder: pass.encoder,
                    view,
                    level: pass.level,
                    tensor,
                }))
            })
            .collect::<Result<Vec<_>, PretrainError>>()?;
        trainer
            .instance
            .absorb(
                index_tensor(&batch.indices),
                features.into_iter().flatten().collect(),
            )
            .map_err(call("absorb"))?;
        done += batch.len();
        progress.note(&format!("pass {}: {done} of {total} images", pass.id));
    }
    trainer.instance.end_pass().map_err(call("end_pass"))
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
