//! The wiring of a step.

use crate::bags::bags;
use crate::config::{ObowConfig, Update};
use crate::describe;
use crate::heads::Heads;
use crate::locations::Locations;
use crate::loss::student_loss;
use crate::maps::{averaged, inner, words_at};
use crate::state::State;
use ssl_plugin_kit::api::description::{Description, Level, Metadata};
use ssl_plugin_kit::blocks::{BlockError, push_rows};
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Device, Fault, Tensor, TrainStep};

/// OBoW at work.
pub struct Obow {
    config: ObowConfig,
    levels: Vec<Level>,
    heads: Heads,
    state: State,
    locations: Locations,
    device: Device,
    ranks: Ranks,
}

impl Framework for Obow {
    type Config = ObowConfig;
    type Heads = Heads;
    type State = State;

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &ObowConfig) -> Result<Description, Fault> {
        Ok(describe::description(config))
    }

    fn start(config: ObowConfig, start: Start) -> Result<Self, Fault> {
        let heads = Heads::new(&config, &start)?;
        let state = State::new(&config, &start)?;
        Ok(Self {
            levels: config.levels(),
            heads,
            state,
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

    fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    fn state(&mut self) -> &mut State {
        &mut self.state
    }

    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        let (mut targets, mut weights, mut kappas) = (Vec::new(), Vec::new(), Vec::new());
        let mut distances = Vec::new();
        for (i, level) in self.levels.clone().into_iter().enumerate() {
            let map = inner(views.target_map(0, level)?)?;
            // Weights and bags from the vocabulary as it is; only then do new words come in.
            let vocabulary = self.state.vocabulary.at(i).val();
            weights.push(self.heads.weights(i, vocabulary.clone())?);
            kappas.push(self.heads.kappa(i, self.config.kappa, &self.device));
            let found = bags(
                map.clone(),
                vocabulary,
                self.state.min_distance_mean.at(i).val(),
                self.config.min_distance_decay,
                self.config.sharpness(i),
                self.config.bow_pool,
                &self.ranks,
            )?;
            targets.push(found.bags);
            distances.push(found.min_distance_mean.clone());
            self.state
                .min_distance_mean
                .at(i)
                .set(&found.min_distance_mean);
            self.renew(i, map, at, views.indices())?;
        }
        let groups = self
            .config
            .groups()
            .into_iter()
            .map(|group| views.online_each(group))
            .collect::<Result<Vec<_>, Fault>>()?;
        let loss = student_loss(&groups, &targets, &weights, &kappas)?;
        let mut loss = Loss::new(loss);
        for (level, distance) in self.levels.iter().zip(distances) {
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
        let State {
            vocabulary,
            vocabulary_ptr,
            ..
        } = &mut self.state;
        push_rows(vocabulary.at(i), vocabulary_ptr.at(i), &words)
    }
}
