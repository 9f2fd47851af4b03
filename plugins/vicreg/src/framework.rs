//! Keys, modules, what is asked of the host, the wiring of a step.

use crate::loss::{Coefficients, vicreg};
use ssl_plugin_kit::blocks::{Mlp, MlpBuilder};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{asymmetric_pair_description, finetune, linear_probe};

config! {
    /// VICReg's configuration.
    pub struct VicRegConfig {
        /// Widths of the projector's layers, the embedding's last.
        projector_dims: Vec<usize> = [8192, 8192, 8192], in widths(),
            from "arXiv:2105.04906 section 4.2; main_vicreg.py --mlp";
        /// Weight of the invariance term, a mean over batch and width.
        sim_coeff: f64 = 25.0, in weight(), from "main_vicreg.py --sim-coeff";
        /// Weight of the variance term, the mean of both views.
        std_coeff: f64 = 25.0, in weight(), from "main_vicreg.py --std-coeff";
        /// Weight of the covariance term, the sum of both views.
        cov_coeff: f64 = 1.0, in weight(), from "main_vicreg.py --cov-coeff";
        /// Added to the variance under the root.
        variance_eps: f64 = 1e-4, in between(1e-12, 1e6),
            from "arXiv:2105.04906 section 4.1; main_vicreg.py";
    }
}

module! {
    /// VICReg at work.
    pub struct VicReg {
        /// Linear, batch norm, ReLU, …, and a last Linear; the paper calls it expander. The last one has
        /// no bias, the others have, although the batch norm cancels it: its gradient is zero.
        pub projector: Mlp,
        ..
        coefficients: Coefficients,
        ranks: Ranks,
    }
}

impl Framework for VicReg {
    type Config = VicRegConfig;

    const IDENTITY: Identity = Identity {
        id: "vicreg",
        name: "VICReg",
        family: Family::InformationMaximization,
        paper: "arXiv:2105.04906",
        year: 2021,
    };

    fn describe(_config: &VicRegConfig) -> Description {
        Description {
            finetune: vec![
                finetune(0.01, 20, [0.03, 0.08]),
                finetune(0.1, 20, [0.01, 0.1]),
            ],
            linear: Some(linear_probe(100, 256, 0.02, 1e-6)),
            published: vec![Published::linear("1000ep", 73.2, "arXiv:2105.04906")],
            ..asymmetric_pair_description(GroupRule::exempt_1d())
        }
    }

    fn start(config: VicRegConfig, start: Start) -> Result<Self, Fault> {
        let projector = MlpBuilder::new(start.dim()).stack(&config.projector_dims, true);
        Ok(Self {
            projector: projector.build(&mut start.random("heads"), &start.device, &start.ranks),
            coefficients: Coefficients {
                sim: config.sim_coeff,
                std: config.std_coeff,
                cov: config.cov_coeff,
                variance_eps: config.variance_eps,
            },
            ranks: start.ranks,
        })
    }

    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        // One pass per view: batch statistics are each view's own.
        let z_0 = self.projector.forward(features.online(0)?)?;
        let z_1 = self.projector.forward(features.online(1)?)?;
        Ok(vicreg(z_0, z_1, self.coefficients, &self.ranks)?.into())
    }
}
