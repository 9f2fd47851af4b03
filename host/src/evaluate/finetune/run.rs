//! One backbone, fine-tuned with every fraction of the labels.

use super::train::{Network, Training, train};
use super::{FinetuneProtocol, LabelFraction, subset};
use crate::backbone::Backbone;
use crate::evaluate::images::{BATCH, first_views};
use crate::evaluate::linear::stratified;
use crate::evaluate::record::{FinetuneDetails, ProtocolRef, Variant};
use crate::evaluate::{
    EvaluateError, FeatureSet, Ranking, Result, TestSet, TrainingState, TrainingStates,
    VariantRanking, extract, spaces,
};
use crate::progress::Progress;
use ssl_datasets::loader::{EvalLoader, LoaderConfig};
use ssl_datasets::source::{Relabelled, Source};
use ssl_plugin_api::description::{FinetuneRecipe, ViewGroup};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tch::Tensor;

/// A backbone to fine-tune, and the sets to do it with.
pub struct FinetuneRun<'a> {
    /// Where every training starts.
    pub backbone: &'a Backbone,
    /// Settings that are the same for every framework.
    pub protocol: &'a FinetuneProtocol,
    /// The framework's own recipes.
    pub recipes: &'a [FinetuneRecipe],
    /// Labels and ids of the training set.
    pub train: &'a FeatureSet,
    /// Its images.
    pub train_images: &'a Arc<dyn Source>,
    /// The test sets.
    pub tests: &'a [TestSet<'a>],
    /// Their images, in the same order.
    pub test_images: &'a [Arc<dyn Source>],
    /// The view for training.
    pub train_view: &'a ViewGroup,
    /// The view for scoring.
    pub test_view: &'a ViewGroup,
    /// Where relative paths of lists start.
    pub data_root: Option<&'a Path>,
    /// Threads that load images.
    pub workers: usize,
    /// Set when the work is to stop.
    pub cancel: &'a AtomicBool,
    /// Where trainings keep their states; without it one that is stopped begins anew.
    pub states: Option<&'a TrainingStates>,
}

/// What fine-tuning found out.
#[derive(Debug, Default)]
pub struct FinetuneResults {
    /// Rankings by test set.
    pub rankings: Vec<Vec<VariantRanking>>,
    /// One for each fraction of the labels.
    pub details: Vec<FinetuneDetails>,
}

/// One fraction of the labels and its recipe.
struct Task {
    fraction: LabelFraction,
    recipe: FinetuneRecipe,
    labels: Vec<u32>,
    rows: Vec<usize>,
}

impl FinetuneRun<'_> {
    /// For every fraction of the labels: chooses a factor on the recipe's rates on held-out images, trains
    /// on all labelled images with every seed, and ranks every test set. A training whose network diverges
    /// has no scores, and is a warning.
    ///
    /// # Errors
    /// What data, backbone and optimiser report; [`EvaluateError::Cancelled`] when the flag was set.
    pub fn run(&self, progress: &mut dyn Progress) -> Result<FinetuneResults> {
        let mut results = FinetuneResults {
            rankings: self.tests.iter().map(|_| Vec::new()).collect(),
            details: Vec::new(),
        };
        let labels = self.train.labels().to_single()?;
        for fraction in &self.protocol.shares {
            let ids = self.train.sample_ids();
            let seed = self.protocol.split_seed;
            let subset = subset(fraction, ids, &labels, self.data_root, seed)?;
            let task = Task {
                fraction: fraction.clone(),
                recipe: self.protocol.recipe(fraction, self.recipes),
                labels: labels.clone(),
                rows: subset.rows.clone(),
            };
            let mut details = FinetuneDetails {
                protocol: fraction.id(),
                subset,
                recipe: task.recipe.clone(),
                held_out: 0,
                factors: Vec::new(),
                chosen: None,
            };
            self.choose(&task, &mut details, progress)?;
            self.rank(&task, &details, &mut results.rankings, progress)?;
            results.details.push(details);
        }
        Ok(results)
    }

    /// Chooses the factor on the rates by the held-out part of the labelled images.
    fn choose(
        &self,
        task: &Task,
        details: &mut FinetuneDetails,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let protocol = self.protocol;
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
            let network = self.network(task, &train, factor, protocol.seeds[0], progress)?;
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
            progress.warning(&format!(
                "{}: the network diverged with every factor {:?} on the rates",
                details.protocol, protocol.lr_factors
            ));
        }
        Ok(())
    }

    /// Trains on all labelled images with every seed and ranks every test set.
    fn rank(
        &self,
        task: &Task,
        details: &FinetuneDetails,
        rankings: &mut [Vec<VariantRanking>],
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let Some(factor) = details.chosen else {
            return Ok(());
        };
        let settings = (&task.fraction, &details.subset, self.protocol);
        let reference = ProtocolRef::new(&details.protocol, &settings);
        for (at, &seed) in self.protocol.seeds.iter().enumerate() {
            let Some(network) = self.network(task, &task.rows, factor, seed, progress)? else {
                progress.warning(&format!(
                    "{}: the network diverged with seed {seed}",
                    details.protocol
                ));
                continue;
            };
            let sets = self.tests.iter().zip(self.test_images);
            for ((test, images), found) in sets.zip(&mut *rankings) {
                let logits = self.logits(&network, images)?;
                let rankings = spaces(test, self.tests)
                    .iter()
                    .map(|space| {
                        let mut ranking = Ranking::new(space);
                        for row in logits.chunks_exact(self.num_classes()) {
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
    fn network(
        &self,
        task: &Task,
        rows: &[usize],
        factor: f64,
        seed: u64,
        progress: &mut dyn Progress,
    ) -> Result<Option<Network>> {
        let batch = task.recipe.batch_size.min(rows.len()).max(1);
        let steps = task.recipe.epochs * (rows.len() / batch) as u64;
        let training = Training {
            backbone: self.backbone,
            num_classes: self.num_classes(),
            source: self.train_images,
            labels: &task.labels,
            rows,
            view: self.train_view,
            recipe: &task.recipe,
            factor,
            init_std: self.protocol.init_std,
            seed,
            workers: self.workers,
        };
        let note = format!("{} labels, rates x {factor}", rows.len());
        let state = self.state(task, &training)?;
        let network = train(&training, state, |done| {
            self.check_cancelled()?;
            progress.progress(done + 1, steps, &note);
            Ok(())
        })?;
        Ok(network.is_finite()?.then_some(network))
    }

    /// The state of a training, where states are kept.
    fn state(&self, task: &Task, training: &Training<'_>) -> Result<TrainingState> {
        let Some(states) = self.states else {
            return Ok(TrainingState::default());
        };
        let &Training { rows, seed, .. } = training;
        let source = training.source;
        let name = format!(
            "{}-{}-x{}-{seed}",
            task.fraction.id(),
            rows.len(),
            training.factor
        );
        let settings = (
            training.backbone.sha256()?,
            (source.name(), source.len(), rows),
            (training.view, training.recipe, training.factor),
            (training.init_std, seed),
        );
        Ok(states.of(&name, &settings))
    }

    fn check_cancelled(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(EvaluateError::Cancelled);
        }
        Ok(())
    }

    fn num_classes(&self) -> usize {
        self.train.labels().num_classes()
    }

    /// Right answers on some rows of the training set.
    fn held_out(&self, task: &Task, network: &Network, rows: &[usize]) -> Result<u64> {
        let numbers = rows.iter().map(|&row| row as u32).collect();
        let images = Arc::clone(self.train_images);
        let held: Arc<dyn Source> = Arc::new(Relabelled::keep(images, numbers));
        let logits = self.logits(network, &held)?;
        let best = logits.chunks_exact(self.num_classes()).map(|row| {
            // The lowest class among equals, as in every ranking.
            (0..row.len()).fold(
                0,
                |best, class| if row[class] > row[best] { class } else { best },
            )
        });
        let labels = rows.iter().map(|&row| task.labels[row] as usize);
        let correct = best.zip(labels).filter(|(best, label)| best == label);
        Ok(correct.count() as u64)
    }

    /// The logits of every image of a source under the evaluation transform, row by row.
    fn logits(&self, network: &Network, source: &Arc<dyn Source>) -> Result<Vec<f32>> {
        let config = LoaderConfig {
            batch_size: BATCH,
            workers: self.workers,
            ..LoaderConfig::default()
        };
        let loader = EvalLoader::new(Arc::clone(source), self.test_view.clone(), config)?;
        let batches = first_views(loader.start()?, |_| self.check_cancelled());
        let device = self.backbone.device();
        let logits: Tensor = extract(source.name(), batches, |images| {
            network.logits(&images.to_device(device))
        })
        .map_err(|error| self.check_cancelled().err().unwrap_or(error))?;
        Ok(Vec::<f32>::try_from(logits.f_flatten(0, -1)?)?)
    }
}
