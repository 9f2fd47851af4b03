//! The vocabularies: queues of the teacher's own recent local features.

use crate::config::ObowConfig;
use ssl_plugin_kit::module::{Numbers, Path, Visitor};
use ssl_plugin_kit::prelude::*;

/// The mean least distance at the start.
const MIN_DISTANCE: f64 = 0.5;

/// One module for each level, under the level's name.
pub struct ByLevel<M>(Vec<(Level, M)>);

impl<M> ByLevel<M> {
    fn new(levels: &[Level], mut new: impl FnMut(Level) -> M) -> Self {
        Self(levels.iter().map(|&level| (level, new(level))).collect())
    }

    /// That of the `i`-th level.
    pub(crate) fn at(&mut self, i: usize) -> &mut M {
        &mut self.0[i].1
    }
}

impl<M: Module> Module for ByLevel<M> {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        for (level, module) in &mut self.0 {
            path.enter(level.name(), |path| module.visit(path, visitor));
        }
    }
}

module! {
    /// Words by level, the same on every rank.
    pub struct Vocabulary {
        /// Words as the teacher gave them, `[num_words, channels]`.
        pub words as "vocabulary": ByLevel<Buffer<2>>,
        /// The row where the next words go.
        pub ptr as "vocabulary_ptr": ByLevel<IntBuffer<1>>,
        /// δ, a moving average of the distance to the nearest word, `[1]`.
        pub min_distance_mean: ByLevel<Buffer<1>>,
    }
}

impl Vocabulary {
    /// The positive parts of normal numbers.
    ///
    /// # Errors
    /// A number of words that whole global batches do not fill exactly.
    pub(crate) fn new(config: &ObowConfig, start: &Start) -> Result<Self, Fault> {
        let (words, batch) = (config.num_words, start.context.global_batch());
        if batch == 0 || !words.is_multiple_of(batch) {
            return Err(Fault::config(format!(
                "`num_words`: expected a multiple of the global batch of {batch}, found {words}"
            )));
        }
        let device = &start.device;
        let mut random = start.random("words");
        let drawn = |level| {
            let channels = start.context.level_dim(level).unwrap_or(0);
            let normal = random.normal([words, channels], 0.0, 1.0, device);
            Buffer::new(normal.clamp_min(0.0))
        };
        let levels = config.levels();
        Ok(Self {
            words: ByLevel::new(&levels, drawn),
            ptr: ByLevel::new(&levels, |_| {
                IntBuffer::new(Tensor::zeros([1], device)).of(Numbers::within(0..words as i64))
            }),
            min_distance_mean: ByLevel::new(&levels, |_| {
                Buffer::new(Tensor::full([1], MIN_DISTANCE, device))
            }),
        })
    }
}
