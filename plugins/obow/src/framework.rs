//! The wiring of a step.

use crate::bags::bags;
use crate::config::{ObowConfig, Update};
use crate::describe::description;
use crate::heads::Heads;
use crate::locations::Locations;
use crate::loss::student_loss;
use crate::maps::{averaged, inner, words_at};
use crate::vocabulary::Vocabulary;
use ssl_plugin_kit::blocks::{BlockError, push_rows};
use ssl_plugin_kit::prelude::*;

module! {
    /// OBoW at work.
    pub struct Obow {
        /// The trained modules.
        pub heads as "": Heads,
        /// Queues of the teacher's own recent local features.
        pub vocabulary as "": Vocabulary,
        ..
        config: ObowConfig,
        locations: Locations,
        device: Device,
        ranks: Ranks,
    }
}

impl Framework for Obow {
    type Config = ObowConfig;

    const IDENTITY: Identity = Identity {
        id: "obow",
        name: "OBoW",
        family: Family::Distillation,
        paper: "arXiv:2012.11552",
        year: 2020,
    };

    fn describe(config: &ObowConfig) -> Description {
        description(config)
    }

    fn start(config: ObowConfig, start: Start) -> Result<Self, Fault> {
        Ok(Self {
            heads: Heads::new(&config, &start)?,
            vocabulary: Vocabulary::new(&config, &start)?,
            locations: Locations {
                sampling: config.location_sampling,
                random: start.random("locations"),
                world_size: start.ranks.world_size(),
                rank: start.ranks.rank(),
            },
            config,
            device: start.device,
            ranks: start.ranks,
        })
    }

    fn loss(&mut self, at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let (mut targets, mut weights, mut kappas) = (Vec::new(), Vec::new(), Vec::new());
        let mut distances = Vec::new();
        for (i, level) in self.config.levels().into_iter().enumerate() {
            let map = inner(features.target_map(0, level)?)?;
            // Weights and bags from the vocabulary as it is; only then do new words come in.
            let words = self.vocabulary.words.at(i).val();
            weights.push(self.heads.weights(i, words.clone())?);
            kappas.push(self.heads.kappa(i, self.config.kappa, &self.device));
            let found = bags(
                map.clone(),
                words,
                self.vocabulary.min_distance_mean.at(i).val(),
                self.config.min_distance_decay,
                self.config.sharpness(i),
                self.config.bow_pool,
                &self.ranks,
            )?;
            targets.push(found.bags);
            distances.push(found.min_distance_mean.clone());
            let mean = self.vocabulary.min_distance_mean.at(i);
            mean.set(&found.min_distance_mean);
            self.renew(i, map, at, features.indices())?;
        }
        let groups = self
            .config
            .groups()
            .into_iter()
            .map(|group| features.online_each(group))
            .collect::<Result<Vec<_>, Fault>>()?;
        let loss = student_loss(&groups, &targets, &weights, &kappas)?;
        let mut loss = Loss::new(loss);
        for (level, distance) in self.config.levels().iter().zip(distances) {
            let name = format!("min_distance.{}", level.name());
            loss = loss.with(&name, f64::from(distance.into_scalar::<f32>()));
        }
        Ok(loss)
    }
}

impl Obow {
    /// Puts one word of each image, of all ranks in their order, into the vocabulary of level `i`.
    fn renew(
        &mut self,
        i: usize,
        map: Tensor<4>,
        at: &TrainStep,
        indices: &[i64],
    ) -> Result<(), BlockError> {
        let map = match self.config.update_type {
            Update::LocalAverage => averaged(map)?,
            Update::NoAveraging => map,
            Update::GlobalAverage => map.mean_dim(3).mean_dim(2), // [batch, channels, 1, 1]
        };
        let [_, _, height, width] = map.dims();
        let positions = height * width;
        let chosen = self.locations.of(at, i, indices, positions, &self.device);
        let words = self.ranks.all_gather(words_at(map, chosen))?;
        let Vocabulary {
            words: queue, ptr, ..
        } = &mut self.vocabulary;
        push_rows(queue.at(i), ptr.at(i), &words)
    }
}
