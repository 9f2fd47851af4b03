//! Keys, modules, what is asked of the host, the wiring of a step.

use crate::loss::redundancy_reduction;
use ssl_plugin_kit::blocks::{Affine, BatchNorm1d, BlockError, Mlp, MlpBuilder};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{asymmetric_pair_description, finetune, linear_probe};

config! {
    /// Barlow Twins' configuration.
    pub struct BarlowConfig {
        /// Widths of the projector's layers, the embedding's last.
        projector_dims: Vec<usize> = [8192, 8192, 8192], in widths(),
            from "arXiv:2103.03230 section 2.2; main.py --projector";
        /// Weight of the redundancy term.
        lambda: f64 = 0.0051, in factor(),
            from "main.py --lambd (0.005 in arXiv:2103.03230 section 3)";
    }
}

module! {
    /// Barlow Twins at work.
    pub struct BarlowTwins {
        /// Linears without bias; batch norm and ReLU between them.
        pub projector: Mlp,
        /// Standardises the embeddings: neither scale nor offset, so nothing is trained here.
        pub bn: BatchNorm1d,
        ..
        lambda: f64,
        ranks: Ranks,
    }
}

impl Framework for BarlowTwins {
    type Config = BarlowConfig;

    const IDENTITY: Identity = Identity {
        id: "barlow",
        name: "Barlow Twins",
        family: Family::InformationMaximization,
        paper: "arXiv:2103.03230",
        year: 2021,
    };

    fn describe(_config: &BarlowConfig) -> Description {
        Description {
            finetune: vec![finetune(0.01, 20, [0.005, 0.5])],
            linear: Some(linear_probe(100, 256, 0.3, 1e-6)),
            published: vec![
                Published::linear("1000ep", 73.2, "arXiv:2103.03230"),
                Published::linear("resnet50.pth", 73.5, "facebookresearch/barlowtwins README"),
            ],
            ..asymmetric_pair_description(GroupRule {
                // 0.0048 for parameters with one dimension, 0.2 for all others.
                lr_scale: Some(0.0048 / 0.2),
                ..GroupRule::exempt_1d()
            })
        }
    }

    fn start(config: BarlowConfig, start: Start) -> Result<Self, Fault> {
        let projector = MlpBuilder::new(start.dim()).stack(&config.projector_dims, false);
        Ok(Self {
            projector: projector.build(&mut start.random("heads"), &start.device, &start.ranks),
            bn: BatchNorm1d::new(
                projector.outputs(),
                Affine::None,
                &start.device,
                start.ranks.clone(),
            ),
            lambda: config.lambda,
            ranks: start.ranks,
        })
    }

    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        // One pass per view: batch statistics are each view's own.
        let u_0 = self.embed(features.online(0)?)?;
        let u_1 = self.embed(features.online(1)?)?;
        Ok(redundancy_reduction(u_0, u_1, self.lambda, &self.ranks)?.into())
    }
}

impl BarlowTwins {
    /// Standardised embeddings of one view: each column minus its mean, divided by
    /// `√(biased variance + 1e-5)`, over the rows of all ranks.
    fn embed(&mut self, features: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        self.bn.forward(self.projector.forward(features)?)
    }
}
