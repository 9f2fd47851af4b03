//! Frameworks driven step by step.

use super::library;
use ssl_plugin_api::description::{Encoder, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{
    Fault, Feature, FeatureDim, FfiTensor, NamedTensor, RunContext, Services, SingleProcess,
    StepInput, StepOutput, TrainStep,
};
use std::sync::Arc;

pub const BATCH: usize = 16;
pub const DIM: usize = 24;

/// The library of frameworks in Python.
pub fn python() -> Result<Plugin, String> {
    Plugin::open(&library("python")).map_err(|error| error.to_string())
}

pub fn context() -> RunContext {
    RunContext {
        features: vec![FeatureDim {
            level: Level::Pooled,
            dim: DIM,
        }],
        samples: 64,
        batch_size: BATCH,
        steps_per_epoch: 4,
        epochs: 10,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed: 3,
    }
}

pub fn start(plugin: &Plugin, id: &str, config: &serde_json::Value) -> Result<Instance, Fault> {
    start_in(plugin, id, config, &context(), Arc::new(SingleProcess))
}

pub fn start_in(
    plugin: &Plugin,
    id: &str,
    config: &serde_json::Value,
    context: &RunContext,
    services: Arc<dyn Services>,
) -> Result<Instance, Fault> {
    plugin.create(id, config, context, services)
}

pub const fn at(step: u64) -> TrainStep {
    TrainStep {
        epoch: step / 4,
        epochs: 10,
        step,
        steps_per_epoch: 4,
        seed: 3,
    }
}

/// Numbers that look drawn: the same for the same `step`, `view` and `row`.
pub fn values(step: u64, view: usize) -> Vec<f32> {
    let number = |n: usize| {
        let mixed = (n as u64 + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add((step * 7 + view as u64) << 17)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed >> 40) as f32 / (1 << 23) as f32 - 1.0) * 1.7
    };
    // What views of one image have in common.
    let shared = |n: usize| ((n * 31 + step as usize) % 17) as f32 / 8.5 - 1.0;
    (0..BATCH * DIM)
        .map(|n| shared(n) + 0.5 * number(n))
        .collect()
}

/// The features of a step, of these encoders and views.
pub fn input(step: u64, features: &[(Encoder, usize)]) -> StepInput {
    let feature = |&(encoder, view): &(Encoder, usize)| Feature {
        encoder,
        view,
        level: Level::Pooled,
        tensor: FfiTensor::from_vec(&[BATCH as i64, DIM as i64], values(step, view)),
    };
    StepInput {
        at: at(step),
        indices: FfiTensor::from_vec(&[BATCH as i64], (0..BATCH as i64).collect()),
        features: features.iter().map(feature).collect(),
    }
}

/// Both views through the trained encoder.
pub const PAIR: [(Encoder, usize); 2] = [(Encoder::Online, 0), (Encoder::Online, 1)];

pub fn step(instance: &mut Instance, step: u64) -> Result<StepOutput, Fault> {
    instance.step(input(step, &PAIR))
}

/// The bytes of named tensors, in order of their names.
pub fn bytes(tensors: &[NamedTensor]) -> Vec<(String, Vec<u8>)> {
    let mut list: Vec<_> = tensors
        .iter()
        .map(|it| (it.name.clone(), raw(&it.tensor)))
        .collect();
    list.sort();
    list
}

#[expect(unsafe_code, reason = "bytes of tensors of any type are compared")]
pub fn raw(tensor: &FfiTensor) -> Vec<u8> {
    assert!(tensor.is_contiguous(), "{tensor:?}");
    let length = tensor.len() * tensor.dtype().size();
    if length == 0 {
        return Vec::new();
    }
    // SAFETY: dense, in main memory, alive as long as the descriptor.
    unsafe { std::slice::from_raw_parts(tensor.data().cast::<u8>(), length) }.to_vec()
}
