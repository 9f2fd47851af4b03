//! Batches and checkpoints that are spoilt in one way, drawn.

use super::inputs::{self, Batch, normal};
use super::session::Session;
use super::tensors::Named;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use ssl_plugin_api::RunContext;
use tch::{Kind, Tensor};

/// A batch that is unusual in one way.
pub fn odd(session: &Session, random: &mut ChaCha8Rng) -> Batch {
    let context = RunContext {
        batch_size: random.random_range(1..=9),
        ..session.context.clone()
    };
    let first = random.random_range(0..1000);
    let mut batch = inputs::batch(&session.description, &context, first, context.batch_size);
    let spoilt = random.random_range(0..batch.features.len().max(1));
    let scale = *[0.0, 1e-30, 1e-6, 1e4, 1e20].choose(random).unwrap_or(&0.0);
    match random.random_range(0..8) {
        0 => batch.features.truncate(spoilt),
        1 => batch
            .indices
            .iter_mut()
            .for_each(|index| *index = *index * 7 - 3),
        2 => batch.indices.truncate(1),
        3 => {
            batch = batch.map(|n, it| {
                if n == spoilt {
                    it.tensor.to_kind(Kind::Double)
                } else {
                    it.tensor.copy()
                }
            })
        }
        4 => {
            batch = batch.map(|n, it| {
                if n == spoilt {
                    it.tensor.unsqueeze(0)
                } else {
                    it.tensor.copy()
                }
            })
        }
        5 => {
            batch = batch.map(|n, it| {
                if n == spoilt {
                    it.tensor.narrow(1, 0, 0)
                } else {
                    it.tensor.copy()
                }
            })
        }
        6 => {
            let noise = normal(random, &[1]);
            let bad = [f64::NAN, f64::INFINITY][usize::from(noise.double_value(&[0]) > 0.0)];
            batch = batch.map(|n, it| {
                if n == spoilt {
                    &it.tensor * bad
                } else {
                    it.tensor.copy()
                }
            });
        }
        _ => batch = batch.map(|_, it| &it.tensor * scale),
    }
    batch
}

/// What was saved, with one tensor spoilt.
pub fn damaged(mut saved: [Named; 2], random: &mut ChaCha8Rng) -> [Named; 2] {
    let list = &mut saved[random.random_range(0..2)];
    let Some(place) = (0..list.len()).collect::<Vec<_>>().choose(random).copied() else {
        return saved;
    };
    let (name, tensor) = &mut list[place];
    match random.random_range(0..6) {
        0 => name.push('x'),
        1 => *tensor = tensor.unsqueeze(0),
        2 => *tensor = tensor.flatten(0, -1),
        3 => *tensor = tensor.to_kind(Kind::Double),
        4 => *tensor = tensor.to_kind(Kind::Float) * f64::NAN,
        _ => {
            *tensor = Tensor::full(
                tensor.size(),
                i64::from(i32::MAX),
                (tensor.kind(), tch::Device::Cpu),
            )
        }
    }
    saved
}
