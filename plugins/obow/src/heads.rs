//! The weight generators, and κ where it is trained.

use crate::config::ObowConfig;
use ssl_plugin_kit::blocks::{BlockError, Mlp, MlpBuilder, unit_rows};
use ssl_plugin_kit::prelude::*;

module! {
    /// What OBoW trains.
    pub struct Heads {
        /// For each level a network from words to weights: Linear without bias, batch norm, ReLU,
        /// Linear.
        pub generator: Vec<Mlp>,
        /// κ of each level, `[levels]`, where it is trained.
        pub scale: Option<Weight<1>>,
    }
}

impl Heads {
    /// # Errors
    /// A level that the backbone does not give.
    pub(crate) fn new(config: &ObowConfig, start: &Start) -> Result<Self, Fault> {
        let mut random = start.random("heads");
        let dim = start.dim();
        let mut generator = Vec::new();
        for level in config.levels() {
            let channels = start.context.level_dim(level).ok_or_else(|| {
                Fault::config(format!(
                    "`bow_levels`: expected levels of this backbone, found {}",
                    level.name()
                ))
            })?;
            let layers = MlpBuilder::new(channels)
                .hidden(&[2 * dim], false)
                .linear(dim, true);
            // All ranks have the same words: statistics over one rank's are those over all.
            generator.push(layers.build(&mut random, &start.device, &Ranks::single()));
        }
        let kappas = || Tensor::full([config.bow_levels.len()], config.kappa, &start.device);
        let scale = config.learn_kappa.then(|| Weight::new(kappas()));
        Ok(Self { generator, scale })
    }

    /// The prediction weights of level `i`, `[words, dim]`, rows of unit length.
    ///
    /// # Shapes
    /// - `vocabulary`: `[words, channels]`; no gradient goes into it
    pub(crate) fn weights(
        &mut self,
        i: usize,
        vocabulary: Tensor<2>,
    ) -> Result<Tensor<2>, BlockError> {
        let words = unit_rows(vocabulary.without_autodiff());
        Ok(unit_rows(self.generator[i].forward(words)?))
    }

    /// κ of level `i`, `[1, 1]`.
    pub(crate) fn kappa(&self, i: usize, fixed: f64, device: &Device) -> Tensor<2> {
        match &self.scale {
            Some(scale) => scale.val().narrow(0, i, 1).unsqueeze(),
            None => Tensor::full([1, 1], fixed, device),
        }
    }
}
