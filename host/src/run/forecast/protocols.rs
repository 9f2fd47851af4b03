//! How long a cell takes.

use super::super::event::Stage;
use super::speed::{Pass, Speed};
use super::{ForecastError, Work};
use crate::backbone::ComputePrecision;
use crate::config::{ProtocolName, RECIPE_SIZE};
use ssl_datasets::views::{evaluation, normalization, rescale};
use ssl_plugin_api::description::{Encoder, ViewGroup};
use std::collections::BTreeMap;

/// Products of a linear head's step beside its forward one: the gradient of the weights.
const PRODUCTS: u64 = 2;

impl Work<'_> {
    /// Estimated seconds; `None` where the device is not there or the measurement ran out of time.
    pub(super) fn seconds(
        &self,
        images: &BTreeMap<Stage, u64>,
        speed: &mut Speed,
    ) -> Result<Option<f64>, ForecastError> {
        let setup = &self.job.setup;
        let Some(device) = setup.device.device() else {
            speed.absent = Some(setup.device.to_string());
            return Ok(None);
        };
        tch::set_num_threads(setup.threads.max(1) as i32);
        let mut total = self.multiplications() as f64 * speed.product(device);
        for (&stage, &count) in images {
            let views = self.views(stage);
            let loading = speed.load(self.facts.train.source.as_ref(), &views, setup.workers)?;
            let mut network = 0.0;
            for pass in self.network(stage, &views) {
                match speed.pass(&pass, device)? {
                    Some(seconds) => network += seconds,
                    None => return Ok(None),
                }
            }
            // Images are loaded while the network computes.
            total += count as f64 * loading.max(network);
        }
        Ok(Some(total))
    }

    fn views(&self, stage: Stage) -> Vec<ViewGroup> {
        let views = &self.job.config.views;
        let asked = self.description.map_or(&[][..], |it| &it.views);
        match stage {
            Stage::Pretrain => rescale(asked, RECIPE_SIZE, views.size, &views.tuning),
            _ => {
                let transform = self.job.evaluation.protocols.transform;
                vec![evaluation(transform, views.size, normalization(asked))]
            }
        }
    }

    /// The passes of one image through the network.
    fn network(&self, stage: Stage, views: &[ViewGroup]) -> Vec<Pass> {
        if super::is_pixels(self.job) {
            return Vec::new();
        }
        let pass = |side, trains, precision| Pass {
            backbone: self.job.config.backbone.clone(),
            precision,
            side,
            trains,
        };
        let side = self.job.config.views.size;
        let single = ComputePrecision::F32;
        match stage {
            Stage::Pretrain => {
                let sides: Vec<usize> = views
                    .iter()
                    .flat_map(|group| {
                        std::iter::repeat_n(group.size().unwrap_or(side), group.count)
                    })
                    .collect();
                let encoders = self.description.map_or(&[][..], |it| &it.encoders);
                let asked = encoders
                    .iter()
                    .flat_map(|it| it.views.iter().map(move |view| (it.encoder, *view)));
                asked
                    .filter_map(|(encoder, view)| {
                        let trains = encoder == Encoder::Online;
                        Some(pass(*sides.get(view)?, trains, self.job.config.precision))
                    })
                    .collect()
            }
            Stage::Finetune => vec![pass(side, true, single)],
            _ => vec![pass(side, false, single)],
        }
    }

    /// Multiplications of the protocols on features.
    fn multiplications(&self) -> u64 {
        let settings = &self.job.evaluation.protocols;
        let samples = self.facts.train.size.images as u64;
        let tests = self.test_images();
        let head = self.dim() * self.facts.train.size.classes as u64;
        let step = |epochs: u64, heads: u64| epochs * samples * heads * PRODUCTS * head;
        let seeds = settings.linear.seeds.len() as u64;
        let mut total = 0;
        if self.wants(ProtocolName::Knn) {
            total += samples * tests * self.dim();
        }
        if self.wants(ProtocolName::Linear) {
            let grid =
                (settings.linear.base_lrs.len() * settings.linear.weight_decays.len()) as u64;
            total += step(
                settings.linear.epochs_on(samples as usize),
                (grid + 1) * seeds,
            );
        }
        let own = self.description.and_then(|it| it.linear.as_ref());
        if let (true, Some(recipe)) = (self.wants(ProtocolName::LinearPaper), own) {
            total += step(recipe.epochs, seeds);
        }
        total
    }
}
