//! Over which ranks' images the backbone's batch statistics are taken.

use super::error::PretrainError;
use super::peers::Peers;
use crate::backbone::{Backbone, Features};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use ssl_distributed::Ranks;
use ssl_plugin_api::TrainStep;
use ssl_plugin_api::description::{BatchNormScope, Encoder, EncoderRequest, Level};
use std::cell::Cell;
use tch::{TchError, Tensor};

/// Forward passes of a step. Each one that shuffles draws an order of its own, the same on every rank.
pub(super) struct Shuffle<'a> {
    peers: &'a Peers,
    seed: u64,
    drawn: Cell<u64>,
}

impl<'a> Shuffle<'a> {
    pub(super) fn new(peers: &'a Peers, at: &TrainStep) -> Self {
        Self {
            peers,
            seed: at.seed ^ at.step.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            drawn: Cell::new(0),
        }
    }

    /// Features of images under a request; level by level in the request's order.
    pub(super) fn forward(
        &self,
        backbone: &Backbone,
        request: &EncoderRequest,
        images: &Tensor,
    ) -> Result<Vec<(Level, Tensor)>, PretrainError> {
        let mode = request.batch_norm;
        let Some(ranks) = self.peers.ranks() else {
            let features = backbone.forward(images, mode, &request.levels)?;
            return Ok(features.into_levels());
        };
        let features = match request.scope {
            BatchNormScope::Synchronized => {
                backbone.forward_over(Some(ranks), images, mode, &request.levels)?
            }
            BatchNormScope::PerRank => backbone.forward(images, mode, &request.levels)?,
            BatchNormScope::Shuffled => return self.shuffled(ranks, backbone, request, images),
        };
        Ok(Features::into_levels(features))
    }

    /// Each rank takes a random part of all ranks' images, and gets the features of its own back (MoCo's shuffled
    /// batch norm, arXiv:1911.05722, section 3.3).
    fn shuffled(
        &self,
        ranks: &Ranks,
        backbone: &Backbone,
        request: &EncoderRequest,
        images: &Tensor,
    ) -> Result<Vec<(Level, Tensor)>, PretrainError> {
        if request.encoder == Encoder::Online {
            return Err(PretrainError::Contract {
                call: "describe",
                step: 0,
                expected:
                    "shuffled batch norm for the target encoder, whose features have no gradient"
                        .to_owned(),
                found: "it for the online encoder".to_owned(),
            });
        }
        let torch = || PretrainError::torch("shuffling images over ranks");
        let count = images.size()[0];
        let (order, back) = self.draw(count * ranks.world_size() as i64);
        let own = |of: &Tensor, places: &[i64]| -> Result<Tensor, TchError> {
            let start = ranks.rank() * count as usize;
            let places = Tensor::from_slice(&places[start..start + count as usize]);
            of.f_index_select(0, &places.f_to_device(of.device())?)
        };
        let images = own(&ranks.all_gather(images)?, &order).map_err(torch())?;
        let features = backbone.forward(&images, request.batch_norm, &request.levels)?;
        let mut returned = Vec::new();
        for (level, tensor) in features.into_levels() {
            let all = ranks.all_gather(&tensor)?;
            returned.push((level, own(&all, &back).map_err(torch())?));
        }
        Ok(returned)
    }

    /// An order of so many places, and the places in which each is found again.
    fn draw(&self, count: i64) -> (Vec<i64>, Vec<i64>) {
        let number = self.drawn.replace(self.drawn.get() + 1);
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ number.rotate_right(8));
        let mut order: Vec<i64> = (0..count).collect();
        order.shuffle(&mut random);
        let mut back = vec![0; order.len()];
        for (place, &image) in order.iter().enumerate() {
            back[image as usize] = place as i64;
        }
        (order, back)
    }
}
