//! Projector and the normalisation of the embeddings.

use crate::config::BarlowConfig;
use ssl_plugin_kit::Tensor;
use ssl_plugin_kit::blocks::{Affine, BatchNorm1d, BlockError, Mlp, MlpBuilder};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module;

module! {
    /// Barlow Twins' trained modules.
    pub struct Heads {
        /// Linears without bias; batch norm and ReLU between them.
        pub projector: Mlp,
        /// Standardises the embeddings: neither scale nor offset, so nothing is trained here.
        pub bn: BatchNorm1d,
    }
}

impl Heads {
    pub(crate) fn new(config: &BarlowConfig, start: &Start) -> Self {
        let mut projector = MlpBuilder::new(start.context.dim());
        let (last, hidden) = split_last(&config.projector_dims);
        for &width in hidden {
            projector = projector
                .linear(width, false)
                .batch_norm(Affine::Full)
                .relu();
        }
        let projector = projector.linear(last, false);
        let bn = BatchNorm1d::new(last, Affine::None, &start.device, start.ranks.clone());
        let mut random = start.random("heads");
        Self {
            projector: projector.build(&mut random, &start.device, &start.ranks),
            bn,
        }
    }

    /// Standardised embeddings of one view: each column minus its mean, divided by
    /// `√(biased variance + 1e-5)`, over the rows of all ranks.
    pub(crate) fn embed(&mut self, features: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        self.bn.forward(self.projector.forward(features)?)
    }
}

/// The last width and those before it; the schema sees to it that there is one.
fn split_last(widths: &[usize]) -> (usize, &[usize]) {
    widths
        .split_last()
        .map_or((1, widths), |(&last, hidden)| (last, hidden))
}
