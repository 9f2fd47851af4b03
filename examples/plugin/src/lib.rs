//! Alignment and uniformity: two views of an image lie close to each other on the unit sphere, and all
//! images together spread over it.
//!
//! Wang, Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity on
//! the Hypersphere", ICML 2020, arXiv:2005.10242.

use ssl_plugin_kit::blocks::{Mlp, MlpBuilder, off_diagonal, unit_rows};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{crop, flip, grayscale, group, jitter, normalize, sgd};

config! {
    /// The configuration: each key once, with its default, its range and where the default comes from.
    pub struct AlignUniformConfig {
        /// Width of the projector's hidden layer.
        projector_hidden_dim: usize = 512, in at_least(1), from "a choice of this plugin";
        /// Width of the projections.
        projector_dim: usize = 128, in at_least(1), from "the authors' examples/stl10/main.py";
        /// Weight of the uniformity loss; alignment has weight 1.
        uniformity: f64 = 1.0, in positive(), from "the authors' examples/stl10/main.py";
        /// Exponent of the distance between two views.
        alpha: f64 = 2.0, in positive(), from "arXiv:2005.10242 equation 1";
        /// Scale of the Gaussian potential.
        t: f64 = 2.0, in positive(), from "arXiv:2005.10242 equation 2";
    }
}

module! {
    /// The framework at work. What stands before the two dots is trained by the host.
    pub struct AlignUniform {
        /// Linear, ReLU, Linear.
        pub projector: Mlp,
        ..
        config: AlignUniformConfig,
        ranks: Ranks,
    }
}

impl Framework for AlignUniform {
    type Config = AlignUniformConfig;

    const IDENTITY: Identity = Identity {
        id: "align-uniform",
        name: "AlignUniform",
        family: Family::Contrastive,
        paper: "arXiv:2005.10242",
        year: 2020,
    };

    fn describe(_config: &AlignUniformConfig) -> Description {
        let transforms = vec![
            crop(224, [0.08, 1.0], Interpolation::Bilinear),
            flip(),
            jitter(1.0, [0.4, 0.4, 0.4, 0.2]),
            grayscale(),
            normalize(),
        ];
        let lr = LearningRate {
            base: 0.12,
            scaling: Scaling::Linear,
            warmup: None,
            decay: Decay::Steps {
                milestones: vec![0.775, 0.85, 0.925],
                factor: 0.1,
            },
        };
        Description::new(
            vec![group("view", 2, ViewRole::Global, transforms)],
            vec![EncoderRequest::pooled(
                Encoder::Online,
                [0, 1],
                Grouping::ByResolution,
            )],
            Recipe::new(768, 200, sgd(), lr, 1e-4),
        )
    }

    fn start(config: AlignUniformConfig, start: Start) -> Result<Self, Fault> {
        let projector = MlpBuilder::new(start.dim())
            .linear(config.projector_hidden_dim, true)
            .relu()
            .linear(config.projector_dim, true)
            .build(&mut start.random("projector"), &start.device, &start.ranks);
        Ok(Self {
            projector,
            config,
            ranks: start.ranks,
        })
    }

    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let x = unit_rows(self.projector.forward(features.online(0)?)?);
        let y = unit_rows(self.projector.forward(features.online(1)?)?);
        // Each image meets those of all ranks.
        let all_x = self.ranks.all_gather(x.clone())?;
        let all_y = self.ranks.all_gather(y.clone())?;
        if all_x.dims()[0] < 2 {
            return Err(Fault::shape(
                "expected at least 2 samples for uniformity, found 1",
            ));
        }
        let config = &self.config;
        let uniform = uniformity(all_x, config.t) + uniformity(all_y, config.t);
        let align = alignment(x, y, config.alpha);
        Ok((align + uniform * (config.uniformity / 2.0)).into())
    }
}

/// How far the two views of an image lie from each other: `(1/B) Σ_i ‖x_i − y_i‖^α`.
///
/// # Shapes
/// - `x`, `y`: `[batch, dim]`, rows of unit length
/// - returns `[1]`
///
/// # Source
/// arXiv:2005.10242 equation 1.
#[must_use]
pub fn alignment(x: Tensor<2>, y: Tensor<2>, alpha: f64) -> Tensor<1> {
    // The root of zero has no gradient, so that views which coincide are kept from it.
    let squares = (x - y).square().sum_dim(1).clamp_min(1e-24);
    squares.powf_scalar(alpha / 2.0).mean()
}

/// How unevenly the images lie on the sphere: `log( 2/(B(B−1)) Σ_{i<j} exp(−t ‖x_i − x_j‖²) )`.
///
/// # Shapes
/// - `x`: `[batch, dim]`, rows of unit length
/// - returns `[1]`
///
/// # Source
/// arXiv:2005.10242 equation 2.
#[must_use]
pub fn uniformity(x: Tensor<2>, t: f64) -> Tensor<1> {
    let [batch, _] = x.dims();
    let pairs = (batch * (batch - 1)) as f64;
    let cosines = x.clone().matmul(x.transpose()); // [batch, batch]
    let potentials = off_diagonal(((cosines - 1.0) * (2.0 * t)).exp());
    (potentials.sum() / pairs).log()
}

ssl_plugin_kit::export_frameworks!(AlignUniform);
