//! Linear heads side by side: one matrix product serves them all.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::{Device, Kind, Tensor};

use crate::evaluate::{LabelSpace, Ranking, Result};

/// Rows whose logits are computed at once.
const ROWS: i64 = 4096;

/// Hyper-parameters of one head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyper {
    /// Base learning rate; the rate is `base_lr · batch_size / 256`.
    pub base_lr: f64,
    /// Weight decay, on the weights only.
    pub weight_decay: f64,
}

/// Linear classifiers that share their input.
#[derive(Debug)]
pub struct Heads {
    /// `[heads · classes, dim]`.
    pub(super) weight: Tensor,
    /// `[heads · classes]`.
    pub(super) bias: Tensor,
    heads: i64,
    classes: i64,
}

impl Heads {
    /// Equal heads on a device, with weights `N(0, std²)` drawn from `seed`, biases 0.
    pub(super) fn init(
        heads: usize,
        classes: usize,
        dim: usize,
        std: f64,
        seed: u64,
        device: Device,
    ) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let values: Vec<f32> = (0..classes * dim)
            .map(|_| {
                let value: f64 = StandardNormal.sample(&mut rng);
                (std * value) as f32
            })
            .collect();
        let one = Tensor::f_from_slice(&values)?
            .f_reshape([classes as i64, dim as i64])?
            .f_to_device(device)?;
        let bias = Tensor::f_zeros([(heads * classes) as i64], (Kind::Float, device))?;
        Ok(Self {
            weight: one.f_repeat([heads as i64, 1])?,
            bias,
            heads: heads as i64,
            classes: classes as i64,
        })
    }

    /// Number of heads.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads as usize
    }

    /// Whether there are no heads.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads == 0
    }

    /// Logits of all heads.
    ///
    /// # Shapes
    /// - `features`: `[samples, dim]`
    /// - returns `[samples, heads, classes]`
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn logits(&self, features: &Tensor) -> Result<Tensor> {
        let flat = self
            .bias
            .f_addmm(features, &self.weight.f_transpose(0, 1)?)?;
        Ok(flat.f_view([-1, self.heads, self.classes])?)
    }

    /// Whether each head's parameters are finite.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn finite(&self) -> Result<Vec<bool>> {
        let weights = self
            .weight
            .f_isfinite()?
            .f_view([self.heads, -1])?
            .f_all_dim(1, false)?;
        let biases = self
            .bias
            .f_isfinite()?
            .f_view([self.heads, -1])?
            .f_all_dim(1, false)?;
        Ok(Vec::<bool>::try_from(weights.f_logical_and(&biases)?)?)
    }
}

impl Heads {
    /// Ranks the classes of every sample with each head: `result[head][space]`. The features may be on another
    /// device.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn rank(&self, features: &Tensor, spaces: &[LabelSpace]) -> Result<Vec<Vec<Ranking>>> {
        let rows = features.size()[0];
        let mut rankings: Vec<Vec<Ranking>> = (0..self.len())
            .map(|_| spaces.iter().map(Ranking::new).collect())
            .collect();
        for start in (0..rows).step_by(ROWS as usize) {
            let block = features
                .f_narrow(0, start, ROWS.min(rows - start))?
                .f_to_device(self.weight.device())?
                .f_to_kind(Kind::Float)?;
            let logits = self.logits(&block)?;
            let classes = logits.size()[2] as usize;
            let logits = Vec::<f32>::try_from(logits.f_flatten(0, -1)?)?;
            for sample in logits.chunks_exact(classes * self.len()) {
                for (rankings, row) in rankings.iter_mut().zip(sample.chunks_exact(classes)) {
                    for (ranking, space) in rankings.iter_mut().zip(spaces) {
                        ranking.push(space, row);
                    }
                }
            }
        }
        Ok(rankings)
    }
}
