//! Fine-tuning of a cell's backbone.

use super::Work;
use super::error::CellError;
use super::features::Sets;
use super::images::{BATCH, eval_batches, train_view};
use super::learn::Learnt;
use crate::backbone::Backbone;
use crate::config::ProtocolName;
use crate::evaluate::finetune::{FinetuneProtocol, Network, Share, Tuning, subset, tune};
use crate::evaluate::linear::stratified;
use crate::evaluate::record::{FinetuneDetails, ProtocolRef, Variant};
use crate::evaluate::{Ranking, Variety, extract, spaces};
use crate::run::event::Stage;
use ssl_datasets::loader::{EvalLoader, LoaderConfig};
use ssl_datasets::source::{Relabelled, Source};
use ssl_datasets::views::evaluation;
use ssl_plugin_api::description::FinetuneRecipe;
use std::sync::Arc;
use tch::Tensor;

/// What fine-tuning found out.
#[derive(Default)]
pub(super) struct Tuned {
    /// Rankings by test set.
    pub varieties: Vec<Vec<Variety>>,
    /// One for each share of the labels.
    pub details: Vec<FinetuneDetails>,
}

/// One share of the labels and how it is learnt.
struct Lesson<'a> {
    backbone: &'a Backbone,
    learnt: &'a Learnt,
    protocol: &'a FinetuneProtocol,
    recipe: FinetuneRecipe,
    labels: Vec<u32>,
    rows: Vec<usize>,
    source: &'a Arc<dyn Source>,
    num_classes: usize,
}

impl Work<'_> {
    /// Fine-tunes with every share of the labels, where that is wanted and there is a network.
    pub(super) fn finetune(&mut self, learnt: &Learnt, sets: &Sets) -> Result<Tuned, CellError> {
        let wanted = &self.job.evaluation.protocols;
        let (true, Some(backbone)) = (
            wanted.protocols.contains(&ProtocolName::Finetune),
            &learnt.backbone,
        ) else {
            return Ok(Tuned::default());
        };
        let protocol = &wanted.finetune;
        let mut tuned = Tuned {
            varieties: sets.test.iter().map(|_| Vec::new()).collect(),
            details: Vec::new(),
        };
        self.timed(Stage::Finetune, |work| {
            let labels = sets.train.labels().to_single()?;
            for share in &protocol.shares {
                let ids = sets.train.sample_ids();
                let root = work.job.setup.data_root.as_deref();
                let subset = subset(share, ids, &labels, root, protocol.split_seed)?;
                let lesson = Lesson {
                    backbone,
                    learnt,
                    protocol,
                    recipe: protocol.recipe(share, &learnt.finetune),
                    labels: labels.clone(),
                    rows: subset.rows.clone(),
                    source: &sets.sources[0],
                    num_classes: sets.train.labels().num_classes(),
                };
                let mut details = FinetuneDetails {
                    protocol: share.id(),
                    subset,
                    recipe: lesson.recipe.clone(),
                    held_out: 0,
                    factors: Vec::new(),
                    chosen: None,
                };
                work.choose(&lesson, &mut details)?;
                work.judge_tuned(&lesson, share, sets, &mut details, &mut tuned.varieties)?;
                tuned.details.push(details);
            }
            Ok(())
        })?;
        Ok(tuned)
    }

    /// Chooses the factor on the rates by the held-out part of the labelled images.
    fn choose(
        &mut self,
        lesson: &Lesson<'_>,
        details: &mut FinetuneDetails,
    ) -> Result<(), CellError> {
        let protocol = lesson.protocol;
        if let [only] = protocol.lr_factors[..] {
            details.chosen = Some(only);
            return Ok(());
        }
        let labels: Vec<u32> = lesson.rows.iter().map(|&row| lesson.labels[row]).collect();
        let split = stratified(&labels, protocol.held_out, protocol.split_seed)?;
        let rows = |places: &[usize]| -> Vec<usize> {
            places.iter().map(|&place| lesson.rows[place]).collect()
        };
        let (train, held) = (rows(&split.train), rows(&split.held_out));
        details.held_out = held.len() as u64;
        let mut best = None;
        for &factor in &protocol.lr_factors {
            let seed = protocol.seeds[0];
            let network = self.tune(lesson, &train, factor, seed)?;
            let correct = match network {
                Some(network) => Some(self.held_out(lesson, &network, &held)?),
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
        lesson: &Lesson<'_>,
        share: &Share,
        sets: &Sets,
        details: &mut FinetuneDetails,
        varieties: &mut [Vec<Variety>],
    ) -> Result<(), CellError> {
        let Some(factor) = details.chosen else {
            return Ok(());
        };
        let settings = (share, &details.subset, lesson.protocol);
        let reference = ProtocolRef::new(&share.id(), &settings);
        for (at, &seed) in lesson.protocol.seeds.iter().enumerate() {
            let Some(network) = self.tune(lesson, &lesson.rows, factor, seed)? else {
                self.warn(format!(
                    "{}: the network diverged with seed {seed}",
                    details.protocol
                ));
                continue;
            };
            let tests = sets.tests();
            for ((test, source), found) in tests.iter().zip(&sets.sources[1..]).zip(&mut *varieties)
            {
                let logits = self.logits(lesson, &network, source)?;
                let rankings = spaces(test, &tests)
                    .iter()
                    .map(|space| {
                        let mut ranking = Ranking::new(space);
                        for row in logits.chunks_exact(lesson.num_classes) {
                            ranking.push(space, row);
                        }
                        ranking
                    })
                    .collect();
                found.push(Variety {
                    protocol: reference.clone(),
                    variant: Variant::Finetune {
                        seed,
                        lr_backbone: lesson.recipe.lr_backbone * factor,
                        lr_head: lesson.recipe.lr_head * factor,
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
        lesson: &Lesson<'_>,
        rows: &[usize],
        factor: f64,
        seed: u64,
    ) -> Result<Option<Network>, CellError> {
        let views = &self.job.config.views;
        let view = train_view(views.size, views, lesson.learnt.normalize);
        let steps = lesson.recipe.epochs
            * (rows.len() / lesson.recipe.batch_size.min(rows.len()).max(1)) as u64;
        let mut done = 0;
        let tuning = Tuning {
            backbone: lesson.backbone,
            num_classes: lesson.num_classes,
            source: lesson.source,
            labels: &lesson.labels,
            rows,
            view: &view,
            recipe: &lesson.recipe,
            factor,
            init_std: lesson.protocol.init_std,
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
        lesson: &Lesson<'_>,
        network: &Network,
        rows: &[usize],
    ) -> Result<u64, CellError> {
        let numbers = rows.iter().map(|&row| row as u32).collect();
        let held: Arc<dyn Source> = Arc::new(Relabelled::keep(Arc::clone(lesson.source), numbers));
        let logits = self.logits(lesson, network, &held)?;
        let best = logits.chunks_exact(lesson.num_classes).map(|row| {
            // The lowest class among equals, as in every ranking.
            (0..row.len()).fold(
                0,
                |best, class| if row[class] > row[best] { class } else { best },
            )
        });
        let labels = rows.iter().map(|&row| lesson.labels[row] as usize);
        Ok(best
            .zip(labels)
            .filter(|(best, label)| best == label)
            .count() as u64)
    }

    /// The logits of every image of a source under the evaluation transform, row by row.
    fn logits(
        &mut self,
        lesson: &Lesson<'_>,
        network: &Network,
        source: &Arc<dyn Source>,
    ) -> Result<Vec<f32>, CellError> {
        let device = self.device()?;
        let transform = self.job.evaluation.protocols.transform;
        let size = self.job.config.views.size;
        let view = evaluation(transform, size, lesson.learnt.normalize);
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
