//! The protocols, each over all test sets.

use super::{EvalJob, KNN, VariantRanking};
use crate::evaluate::knn::{Blocks, FeatureBank, KnnProtocol, nearest, vote};
use crate::evaluate::linear::{
    Heads, LinearProtocol, PaperProtocol, Samples, select, train_recipe,
};
use crate::evaluate::record::{LinearDetails, PaperDetails, ProtocolRef, Variant};
use crate::evaluate::{LabelSpace, Result, TrainingState};
use ssl_plugin_api::description::LinearRecipe;

/// What the protocols share.
pub(super) struct ProtocolRunner<'a> {
    pub(super) job: &'a EvalJob<'a>,
    /// One label for each training sample.
    pub(super) labels: Vec<u32>,
    pub(super) num_classes: usize,
    /// The label spaces of each test set.
    pub(super) spaces: Vec<Vec<LabelSpace>>,
    /// What was found, by test set.
    pub(super) found: Vec<Vec<VariantRanking>>,
}

impl ProtocolRunner<'_> {
    pub(super) fn knn(&mut self, protocol: &KnnProtocol) -> Result<()> {
        let reference = ProtocolRef::new(KNN, protocol);
        let train = self.job.train;
        let bank = FeatureBank::try_new(train.id(), train.features())?;
        for (at, test) in self.job.tests.iter().enumerate() {
            let queries = FeatureBank::try_new(test.set.id(), test.set.features())?;
            let found = nearest(
                &bank,
                &queries,
                protocol.largest_k(),
                Blocks::on(self.job.device).watched(self.job.pulse),
            )?;
            let spaces = &self.spaces[at];
            let rankings = vote(&found, &self.labels, self.num_classes, spaces, protocol);
            for (&k, rankings) in protocol.k.iter().zip(rankings) {
                self.found[at].push(VariantRanking {
                    protocol: reference.clone(),
                    variant: Variant::Knn {
                        k,
                        used: k.min(bank.len()),
                    },
                    headline: k == protocol.headline_k,
                    rankings,
                });
            }
        }
        Ok(())
    }

    fn samples(&self) -> Samples<'_> {
        let train = self.job.train.features();
        let passes = match self.job.augmented {
            [] => vec![train],
            passes => passes.iter().collect(),
        };
        Samples::of_passes(passes, &self.labels)
            .on(self.job.device)
            .watched(self.job.pulse)
    }

    pub(super) fn linear(&mut self, id: &str, protocol: &LinearProtocol) -> Result<LinearDetails> {
        let reference = ProtocolRef::new(id, protocol);
        let clean = self.job.train.features();
        let samples = self.samples();
        let (labels, classes) = (&self.labels, self.num_classes);
        let chosen = select(&samples, clean, labels, classes, protocol, self.job.states)?;
        let point = &chosen.grid[chosen.chosen];
        for (at, (&seed, heads)) in protocol.seeds.iter().zip(&chosen.heads).enumerate() {
            let variant = Variant::Linear {
                seed,
                base_lr: point.base_lr,
                weight_decay: point.weight_decay,
            };
            self.judge(&reference, &variant, at == 0, heads)?;
        }
        Ok(LinearDetails {
            held_out: chosen.held_out,
            epochs: protocol.epochs_on(self.labels.len()),
            chosen: chosen.chosen,
            at_edge: chosen.at_edge,
            grid: chosen.grid,
        })
    }

    pub(super) fn paper(
        &mut self,
        id: &str,
        protocol: &PaperProtocol,
        recipe: &LinearRecipe,
    ) -> Result<PaperDetails> {
        let reference = ProtocolRef::new(id, protocol);
        let mut details = PaperDetails {
            recipe: recipe.clone(),
            diverged: Vec::new(),
        };
        for (at, &seed) in protocol.seeds.iter().enumerate() {
            let state = self
                .job
                .states
                .map_or_else(TrainingState::default, |states| {
                    states.of(&format!("linear-paper-{seed}"), &(protocol, recipe))
                });
            let samples = self.samples();
            let heads = train_recipe(&samples, self.num_classes, recipe, protocol, seed, state)?;
            if heads.finite()? != [true] {
                details.diverged.push(seed);
                continue;
            }
            let variant = Variant::Linear {
                seed,
                base_lr: recipe.lr,
                weight_decay: recipe.weight_decay,
            };
            self.judge(&reference, &variant, at == 0, &heads)?;
        }
        Ok(details)
    }

    /// Ranks every test set with one head.
    fn judge(
        &mut self,
        protocol: &ProtocolRef,
        variant: &Variant,
        headline: bool,
        heads: &Heads,
    ) -> Result<()> {
        for (at, test) in self.job.tests.iter().enumerate() {
            self.job.pulse.beat()?;
            let rankings = heads
                .rank(test.set.features(), &self.spaces[at])?
                .swap_remove(0);
            self.found[at].push(VariantRanking {
                protocol: protocol.clone(),
                variant: variant.clone(),
                headline,
                rankings,
            });
        }
        Ok(())
    }
}
