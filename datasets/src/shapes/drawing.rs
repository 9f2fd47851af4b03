//! One image from its numbers: the scene is drawn at random, then painted.

use super::nuisance::{Manner, scene};
use super::paint;
use super::scene::Scene;
use crate::random::{Domain, Stream};

/// What an image's random numbers depend on, beside its number and class.
#[derive(Clone, Copy)]
pub(super) struct Drawing {
    pub seed: u64,
    pub split: u32,
    pub manner: Manner,
    pub attempt: u32,
}

impl Drawing {
    /// The scene of image `index` of class `class`.
    pub fn scene(&self, index: u32, class: u32) -> Scene {
        let mut stream = Stream::new(self.seed, Domain::Scene, self.split, index, self.attempt);
        scene(class, self.manner, &mut stream)
    }

    /// Draws image `index` of class `class`.
    pub fn draw(&self, index: u32, class: u32, out: &mut [u8]) {
        let mut noise = Stream::new(self.seed, Domain::Noise, self.split, index, self.attempt);
        paint::draw(&self.scene(index, class), &mut noise, out);
    }
}
