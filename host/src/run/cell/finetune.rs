//! Fine-tuning of a cell's backbone.

use super::Work;
use super::error::CellError;
use super::extractor::FeatureExtractor;
use super::features::Sets;
use super::images::{BATCH, eval_batches, train_view};
use crate::backbone::Backbone;
use crate::config::ProtocolName;
use crate::evaluate::finetune::{FinetuneProtocol, Network, Share, Tuning, subset, tune};
use crate::evaluate::linear::stratified;
use crate::evaluate::record::{FinetuneDetails, ProtocolRef, Variant};
use crate::evaluate::{Ranking, VariantRanking, extract, spaces};
use crate::run::event::Stage;
use ssl_datasets::loader::{EvalLoader, LoaderConfig};
use ssl_datasets::source::{Relabelled, Source};
use ssl_datasets::views::evaluation;
use ssl_plugin_api::description::FinetuneRecipe;
use std::sync::Arc;
use tch::Tensor;

/// What fine-tuning found out.
#[derive(Default)]
pub(super) struct FinetuneResults {
    /// Rankings by test set.
    pub rankings_by_set: Vec<Vec<VariantRanking>>,
    /// One for each share of the labels.
    pub details: Vec<FinetuneDetails>,
}

/// One share of the labels and how it is learnt.
struct FinetuneTask<'a> {
    backbone: &'a Backbone,
    extractor: &'a FeatureExtractor,
    protocol: &'a FinetuneProtocol,
    recipe: FinetuneRecipe,
    labels: Vec<u32>,
    rows: Vec<usize>,
    source: &'a Arc<dyn Source>,
    num_classes: usize,
}

impl Work<'_> {
    /// Fine-tunes with every share of the labels, where that is wanted and there is a network.
    pub(super) fn finetune(
        &mut self,
        extractor: &FeatureExtractor,
        sets: &Sets,
    ) -> Result<FinetuneResults, CellError> {
        let wanted = &self.job.evaluation.protocols;
        let (true, Some(backbone)) = (
            wanted.protocols.contains(&ProtocolName::Finetune),
            &extractor.backbone,
        ) else {
            return Ok(FinetuneResults::default());
        };
        let protocol = &wanted.finetune;
        let mut tuned = FinetuneResults {
            rankings_by_set: sets.test.iter().map(|_| Vec::new()).collect(),
            details: Vec::new(),
        };
        self.timed(Stage::Finetune, |work| {
            let labels = sets.train.labels().to_single()?;
            for share in &protocol.shares {
                let ids = sets.train.sample_ids();
                let root = work.job.setup.data_root.as_deref();
                let subset = subset(share, ids, &labels, root, protocol.split_seed)?;
                let task = FinetuneTask {
                    backbone,
                    extractor,
                    protocol,
                    recipe: protocol.recipe(share, &extractor.finetune),
                    labels: labels.clone(),
                    rows: subset.rows.clone(),
                    source: &sets.sources[0],
                    num_classes: sets.train.labels().num_classes(),
                };
                let mut details = FinetuneDetails {
                    protocol: share.id(),
                    subset,
                    recipe: task.recipe.clone(),
                    held_out: 0,
                    factors: Vec::new(),
                    chosen: None,
                };
                work.choose(&task, &mut details)?;
                work.judge_tuned(&task, share, sets, &mut details, &mut tuned.rankings_by_set)?;
                tuned.details.push(details);
            }
            Ok(())
        })?;
        Ok(tuned)
    }

    /// Chooses the factor on the rates by the held-out part of the labelled images.
    fn choose(
        &mut self,
        task: &FinetuneTask<'_>,
        details: &mut FinetuneDetails,
    ) -> Result<(), CellError> {
        let protocol = task.protocol;
        if let [only] = protocol.lr_factors[..] {
            details.chosen = Some(only);
            return Ok(());
        }
        let labels: Vec<u32> = task.rows.iter().map(|&row| task.labels[row]).collect();
        let split = stratified(&labels, protocol.held_out, protocol.split_seed)?;
        let rows = |places: &[usize]| -> Vec<usize> {
            places.iter().map(|&place| task.rows[place]).collect()
        };
        let (train, held) = (rows(&split.train), rows(&split.held_out));
        details.held_out = held.len() as u64;
        let mut best = None;
        for &factor in &protocol.lr_factors {
            let seed = protocol.seeds[0];
            let network = self.tune(task, &train, factor, seed)?;
            let correct = match network {
                Some(network) => Some(self.held_out(task, &network, &held)?),
                None => None,
            };
            details.factors.push((factor, correct));
            if let Some(correct) = correct
                && best.is_none_or(|(most, _)| correct > most)
            {
                best = Some((correct, factor));
            }
        }
        details.chosen = best.map(|(_, factor)| factor);
        if details.chosen.is_none() {
            self.warn(format!(
                "{}: the network diverged with every factor {:?} on the rates",
                details.protocol, protocol.lr_factors
            ));
        }
        Ok(())
    }

    /// Trains on all labelled images with every seed and ranks every test set.
    fn judge_tuned(
        &mut self,
        task: &FinetuneTask<'_>,
        share: &Share,
        sets: &Sets,
        details: &mut FinetuneDetails,
        rankings_by_set: &mut [Vec<VariantRanking>],
    ) -> Result<(), CellError> {
        let Some(factor) = details.chosen else {
            return Ok(());
        };
        let settings = (share, &details.subset, task.protocol);
        let reference = ProtocolRef::new(&share.id(), &settings);
        for (at, &seed) in task.protocol.seeds.iter().enumerate() {
            let Some(network) = self.tune(task, &task.rows, factor, seed)? else {
                self.warn(format!(
                    "{}: the network diverged with seed {seed}",
                    details.protocol
                ));
                continue;
            };
            let tests = sets.tests();
            for ((test, source), found) in tests
                .iter()
                .zip(&sets.sources[1..])
                .zip(&mut *rankings_by_set)
            {
                let logits = self.logits(task, &network, source)?;
                let rankings = spaces(test, &tests)
                    .iter()
                    .map(|space| {
                        let mut ranking = Ranking::new(space);
                        for row in logits.chunks_exact(task.num_classes) {
                            ranking.push(space, row);
                        }
                        ranking
                    })
                    .collect();
                found.push(VariantRanking {
                    protocol: reference.clone(),
                    variant: Variant::Finetune {
                        seed,
                        lr_backbone: task.recipe.lr_backbone * factor,
                        lr_head: task.recipe.lr_head * factor,
                    },
                    headline: at == 0,
                    rankings,
                });
            }
        }
        Ok(())
    }

    /// Trains on some rows; `None` where a parameter is no longer finite.
    fn tune(
        &mut self,
        task: &FinetuneTask<'_>,
        rows: &[usize],
        factor: f64,
        seed: u64,
    ) -> Result<Option<Network>, CellError> {
        let views = &self.job.config.views;
        let view = train_view(views.size, views, task.extractor.normalize);
        let steps = task.recipe.epochs
            * (rows.len() / task.recipe.batch_size.min(rows.len()).max(1)) as u64;
        let mut done = 0;
        let tuning = Tuning {
            backbone: task.backbone,
            num_classes: task.num_classes,
            source: task.source,
            labels: &task.labels,
            rows,
            view: &view,
            recipe: &task.recipe,
            factor,
            init_std: task.protocol.init_std,
            seed,
            workers: self.job.setup.workers,
        };
        let note = format!("{} labels, rates x {factor}", rows.len());
        let network = tune(&tuning, || {
            self.check_cancelled()?;
            done += 1;
            self.tell(Stage::Finetune, done, steps, &note);
            Ok::<(), CellError>(())
        })?;
        Ok(network.is_finite()?.then_some(network))
    }

    /// Right answers on some rows of the training set.
    fn held_out(
        &mut self,
        task: &FinetuneTask<'_>,
        network: &Network,
        rows: &[usize],
    ) -> Result<u64, CellError> {
        let numbers = rows.iter().map(|&row| row as u32).collect();
        let held: Arc<dyn Source> = Arc::new(Relabelled::keep(Arc::clone(task.source), numbers));
        let logits = self.logits(task, network, &held)?;
        let best = logits.chunks_exact(task.num_classes).map(|row| {
            // The lowest class among equals, as in every ranking.
            (0..row.len()).fold(
                0,
                |best, class| if row[class] > row[best] { class } else { best },
            )
        });
        let labels = rows.iter().map(|&row| task.labels[row] as usize);
        Ok(best
            .zip(labels)
            .filter(|(best, label)| best == label)
            .count() as u64)
    }

    /// The logits of every image of a source under the evaluation transform, row by row.
    fn logits(
        &mut self,
        task: &FinetuneTask<'_>,
        network: &Network,
        source: &Arc<dyn Source>,
    ) -> Result<Vec<f32>, CellError> {
        let device = self.device()?;
        let transform = self.job.evaluation.protocols.transform;
        let size = self.job.config.views.size;
        let view = evaluation(transform, size, task.extractor.normalize);
        let config = LoaderConfig {
            batch_size: BATCH,
            workers: self.job.setup.workers,
            ..LoaderConfig::default()
        };
        let loader = EvalLoader::new(Arc::clone(source), view, config)?;
        let batches = eval_batches(loader.start()?, |_| {});
        let logits: Tensor = extract(source.name(), batches, |images| {
            network.logits(&images.to_device(device))
        })?;
        Ok(Vec::<f32>::try_from(logits.f_flatten(0, -1)?)?)
    }
}
