//! Drawn features: what a backbone might give, from a seed, with random numbers that no plugin shares.

use super::subject::BATCH;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use ssl_plugin_api::description::{
    Description, Encoder, FeatureKey, FeaturePass, Level, PassTransform,
};
use ssl_plugin_api::{Fault, Feature, FfiTensor, RunContext};
use ssl_plugin_tensor::export_read_only;
use tch::{Kind, Tensor};

/// One feature of a batch.
#[derive(Debug)]
pub struct Input {
    /// Which encoder it comes from.
    pub encoder: Encoder,
    /// Which view it is of.
    pub view: usize,
    /// Which level it is.
    pub level: Level,
    /// Its values, f32.
    pub tensor: Tensor,
}

/// A batch: places in the training set and features in the order of the description's requests.
#[derive(Debug)]
pub struct Batch {
    /// Place of each sample in the training set.
    pub indices: Vec<i64>,
    /// The features.
    pub features: Vec<Input>,
}

/// A generator for one purpose, other ones for every seed and `place`.
#[must_use]
pub fn generator(seed: u64, place: &[u64]) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    for number in [seed].iter().chain(place) {
        hasher.update(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Standard normal numbers of this shape.
pub fn normal(random: &mut ChaCha8Rng, shape: &[i64]) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    let values: Vec<f32> = (0..count)
        .map(|_| random.sample::<f32, _>(StandardNormal))
        .collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// What the description asks of the backbone, of samples `first, first + 1, …` of the training set.
///
/// A sample's views have two thirds of their variance in common, and every channel has a mean and a
/// spread of its own, so statistics over wrong rows and exchanged views show.
#[must_use]
pub fn batch(description: &Description, context: &RunContext, first: u64, count: usize) -> Batch {
    let indices: Vec<i64> = (0..count as u64)
        .map(|n| ((first + n) % context.samples.max(1) as u64) as i64)
        .collect();
    let mut features = Vec::new();
    for request in &description.encoders {
        for &view in &request.views {
            for &level in &request.levels {
                let tensor = feature(
                    description,
                    context,
                    (request.encoder, view, level),
                    &indices,
                    first / BATCH as u64,
                );
                features.push(Input {
                    encoder: request.encoder,
                    view,
                    level,
                    tensor,
                });
            }
        }
    }
    Batch { indices, features }
}

/// The batches of a pass over this rank's share of the training set, with one feature for each view.
#[must_use]
pub fn pass(description: &Description, context: &RunContext, pass: &FeaturePass) -> Vec<Batch> {
    let views = match &pass.transform {
        PassTransform::Views { views } => views.clone(),
        PassTransform::Center => vec![0],
    };
    let own = (context.rank..context.samples).step_by(context.world_size.max(1));
    let own: Vec<i64> = own.map(|n| n as i64).collect();
    own.chunks(context.batch_size.max(1))
        .map(|indices| {
            let features = views.iter().map(|&view| Input {
                encoder: pass.encoder,
                view,
                level: pass.level,
                tensor: feature(
                    description,
                    context,
                    (pass.encoder, view, pass.level),
                    indices,
                    u64::MAX,
                ),
            });
            Batch {
                features: features.collect(),
                indices: indices.to_vec(),
            }
        })
        .collect()
}

/// One feature of these samples; `time` tells apart what is drawn for one sample at different steps.
fn feature(
    description: &Description,
    context: &RunContext,
    (encoder, view, level): (Encoder, usize, Level),
    indices: &[i64],
    time: u64,
) -> Tensor {
    let channels = context.level_dim(level).unwrap_or(1) as i64;
    let shape = match level {
        Level::Pooled => vec![channels],
        level => {
            let side = side(description, view, level);
            vec![channels, side, side]
        }
    };
    let mut columns = generator(context.seed, &[1, level as u64]);
    let per_channel: Vec<i64> = std::iter::once(channels)
        .chain(shape[1..].iter().map(|_| 1))
        .collect();
    let offset = normal(&mut columns, &per_channel) * 0.5;
    let spread = (normal(&mut columns, &per_channel) * 0.3).exp();
    let rows: Vec<Tensor> = indices
        .iter()
        .map(|&index| {
            let place = |time: u64| [2, index as u64, level as u64, time];
            let common = normal(&mut generator(context.seed, &place(0)), &shape);
            let of_view = [
                &place(time)[..],
                &[1 + view as u64, u64::from(encoder == Encoder::Target)],
            ];
            let own = normal(&mut generator(context.seed, &of_view.concat()), &shape);
            (common * 0.8 + own * 0.6) * &spread + &offset
        })
        .collect();
    if rows.is_empty() {
        return Tensor::zeros(
            [0].into_iter().chain(shape).collect::<Vec<i64>>(),
            tch::kind::FLOAT_CPU,
        );
    }
    Tensor::stack(&rows, 0).to_kind(Kind::Float)
}

/// Side of a feature map: what a backbone makes of the view, made small.
fn side(description: &Description, view: usize, level: Level) -> i64 {
    let sizes = description
        .views
        .iter()
        .flat_map(|group| std::iter::repeat_n(group.size().unwrap_or(224), group.count.min(4096)));
    let size = sizes
        .skip(view)
        .map(|size| size as i64)
        .next()
        .unwrap_or(224);
    let doubled = 4 - (level as i64).clamp(1, 4);
    // At least 5: some leave the border out and average over what is left.
    ((size.clamp(16, 512) << doubled) / 32).clamp(5, 10)
}

impl Batch {
    /// The positions, as plugins take them.
    #[must_use]
    pub fn indices(&self) -> FfiTensor {
        FfiTensor::from_vec(&[self.indices.len() as i64], self.indices.clone())
    }

    /// The features, as plugins take them: shared memory, marked read-only.
    ///
    /// # Errors
    /// A tensor that does not cross.
    pub fn lend(&self) -> Result<Vec<Feature>, Fault> {
        self.features
            .iter()
            .map(|input| {
                Ok(Feature {
                    encoder: input.encoder,
                    view: input.view,
                    level: input.level,
                    tensor: export_read_only(&input.tensor)?,
                })
            })
            .collect()
    }

    /// The same batch with other values.
    #[must_use]
    pub fn map(&self, change: impl Fn(usize, &Input) -> Tensor) -> Self {
        Self {
            indices: self.indices.clone(),
            features: self
                .features
                .iter()
                .enumerate()
                .map(|(n, input)| Input {
                    tensor: change(n, input),
                    ..*input
                })
                .collect(),
        }
    }

    /// The samples in these places, in this order.
    #[must_use]
    pub fn rows(&self, places: &[i64]) -> Self {
        let order = Tensor::from_slice(places);
        let mut picked = self.map(|_, input| input.tensor.index_select(0, &order));
        picked.indices = places
            .iter()
            .map(|&place| self.indices[place as usize])
            .collect();
        picked
    }
}

impl Input {
    /// Its name, as golden files and messages spell it: `online.0`, `target.1.layer4`.
    #[must_use]
    pub fn name(&self) -> String {
        FeatureKey {
            encoder: self.encoder,
            view: self.view,
            level: self.level,
        }
        .to_string()
    }
}
