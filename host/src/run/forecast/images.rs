//! How many images a cell loads.

use super::super::event::Stage;
use super::super::job::Subject;
use super::Work;
use super::sets::Set;
use crate::config::ProtocolName;
use crate::evaluate::finetune::LabelFraction;
use ssl_plugin_api::description::Recipe;
use std::collections::BTreeMap;

impl Work<'_> {
    /// Images that are loaded, by stage.
    pub(super) fn images(&self) -> BTreeMap<Stage, u64> {
        let stages = [
            (Stage::Pretrain, self.pretraining()),
            (Stage::Extract, self.extraction()),
            (Stage::Finetune, self.finetuning()),
        ];
        stages
            .into_iter()
            .filter(|(_, images)| *images > 0)
            .collect()
    }

    /// The recipe of a framework's pretraining.
    pub(super) fn recipe(&self) -> Option<Recipe> {
        match (&self.job.config.subject, self.description) {
            (Subject::Framework { recipe, .. }, Some(description)) => {
                Some(recipe.apply(description.recipe.clone()))
            }
            _ => None,
        }
    }

    /// Whole batches, and those of the online evaluation.
    fn pretraining(&self) -> u64 {
        self.recipe().map_or(0, |recipe| {
            let samples = self.facts.train.size.images;
            let batches = (samples / recipe.batch_size.max(1)) as u64;
            let steps = recipe.epochs * batches * recipe.batch_size as u64;
            steps + self.job.setup.probe.images(samples, recipe.epochs)
        })
    }

    /// Sets of the same images are computed once.
    fn extraction(&self) -> u64 {
        if self.kept_before || matches!(self.job.config.subject, Subject::Features(_)) {
            return 0;
        }
        let once: u64 = self.distinct().map(|set| set.size.images as u64).sum();
        once + self.augmented_passes() * self.facts.train.size.images as u64
    }

    /// The sets whose images no earlier one has.
    pub(super) fn distinct(&self) -> impl Iterator<Item = &Set> {
        let all: Vec<&Set> = std::iter::once(&self.facts.train)
            .chain(&self.facts.test)
            .collect();
        let first = all.clone();
        all.into_iter().enumerate().filter_map(move |(place, set)| {
            let known = first[..place]
                .iter()
                .any(|earlier| earlier.identity == set.identity);
            (!known).then_some(set)
        })
    }

    /// Augmented passes over the training set for linear heads.
    pub(super) fn augmented_passes(&self) -> u64 {
        let settings = &self.job.evaluation.protocols;
        let has_recipe = self.description.is_some_and(|it| it.linear.is_some());
        let trains = self.wants(ProtocolName::Linear)
            || (self.wants(ProtocolName::LinearPaper) && has_recipe);
        if trains {
            settings.linear.augmented_passes as u64
        } else {
            0
        }
    }

    /// Images of all test sets together.
    pub(super) fn test_images(&self) -> u64 {
        self.facts
            .test
            .iter()
            .map(|set| set.size.images as u64)
            .sum()
    }

    pub(super) fn wants(&self, protocol: ProtocolName) -> bool {
        self.job.evaluation.protocols.protocols.contains(&protocol)
    }

    /// About: shares of the labels are rounded over all classes together.
    fn finetuning(&self) -> u64 {
        let has_network =
            !super::is_pixels(self.job) && !matches!(self.job.config.subject, Subject::Features(_));
        if !has_network || !self.wants(ProtocolName::Finetune) {
            return 0;
        }
        let protocol = &self.job.evaluation.protocols.finetune;
        let own = self.description.map_or(&[][..], |it| &it.finetune);
        let tests = self.test_images();
        let of_share = |share: &LabelFraction| {
            let recipe = protocol.recipe(share, own);
            let rows = (share.labels * self.facts.train.size.images as f64).round() as u64;
            let training = |rows: u64| {
                let batch = (recipe.batch_size as u64).clamp(1, rows.max(1));
                recipe.epochs * (rows / batch) * batch
            };
            let choice = match protocol.lr_factors.len() as u64 {
                1 => 0,
                factors => {
                    let held = (protocol.held_out * rows as f64).round() as u64;
                    factors * (training(rows - held) + held)
                }
            };
            choice + protocol.seeds.len() as u64 * (training(rows) + tests)
        };
        protocol.shares.iter().map(of_share).sum()
    }
}
