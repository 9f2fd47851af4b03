//! A framework that keeps features over steps: what it kept stays what it was, whatever the host
//! does with its own tensors, and burn does not write into the host's memory.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(unsafe_code, reason = "describes memory that says when it is released")]

use serde_json::json;
use ssl_plugin_kit::api::export::Instance;
use ssl_plugin_kit::api::{
    Device, Dtype, Feature, FfiTensor, Flags, SharedServices, SingleProcess, StepInput,
};
use ssl_plugin_kit::framework::{Exported, Features, Framework, Identity, Loss, Start};
use ssl_plugin_kit::prelude::{Description, Encoder, Family, Level, Period, Recipe};
use ssl_plugin_kit::recipe::{cosine_lr, sgd};
use ssl_plugin_kit::testing::context;
use ssl_plugin_kit::{Fault, Tensor, TrainStep, config, module};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

config! {
    /// No keys.
    struct NoKeys {}
}

module! {
    /// Keeps target features, and the first row of the online ones, for ever. Its loss is the sum over
    /// everything kept.
    struct Keeper {
        ..
        kept: Vec<Tensor<2>>,
    }
}

impl Framework for Keeper {
    type Config = NoKeys;

    const IDENTITY: Identity = Identity {
        id: "keeper",
        name: "Keeper",
        family: Family::Other,
        paper: "none",
        year: 2026,
    };

    fn describe(_config: &NoKeys) -> Description {
        Description::new(
            Vec::new(),
            Vec::new(),
            Recipe::new(1, 1, sgd(), cosine_lr(0.1, None, Period::Step), 0.0),
        )
    }

    fn start(_config: NoKeys, _start: Start) -> Result<Self, Fault> {
        Ok(Self { kept: Vec::new() })
    }

    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let online = features.online(0)?;
        self.kept.push(features.target(1)?);
        let row = online.clone().without_autodiff().slice_dim(0, 0..1);
        self.kept.push(row);
        let sum = self
            .kept
            .iter()
            .map(|t| t.clone().sum())
            .reduce(|a, b| a + b)
            .unwrap();
        Ok(Loss::new(online.sum() * 0.0 + sum))
    }

    /// Runs when the step's features are gone: computes on the last handle of each tensor.
    fn after_update(&mut self, _at: &TrainStep, _momentum: Option<f64>) -> Result<(), Fault> {
        self.kept = self
            .kept
            .drain(..)
            .map(|tensor| tensor.add_scalar(1000.0).sub_scalar(1000.0))
            .collect();
        Ok(())
    }
}

/// Memory of the host's that turns to -1 when it is released, and stays readable.
struct Memory(&'static [AtomicU32]);

impl Memory {
    fn new(values: &[f32]) -> Self {
        let bits = values.iter().map(|v| AtomicU32::new(v.to_bits()));
        Self(bits.collect::<Vec<_>>().leak())
    }

    fn values(&self) -> Vec<f32> {
        let read = |bits: &AtomicU32| f32::from_bits(bits.load(Ordering::Relaxed));
        self.0.iter().map(read).collect()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for bits in self.0 {
            bits.store((-1.0_f32).to_bits(), Ordering::Relaxed);
        }
    }
}

fn described(memory: &Arc<Memory>) -> FfiTensor {
    // SAFETY: memory of two rows that is never freed.
    unsafe {
        FfiTensor::from_raw_parts(
            Arc::clone(memory),
            memory.0.as_ptr().cast_mut().cast(),
            Device::CPU,
            Dtype::F32,
            &[2, memory.0.len() as i64 / 2],
            &[memory.0.len() as i64 / 2, 1],
            Flags::READ_ONLY,
        )
    }
}

fn instance() -> Box<dyn Instance> {
    let services = SharedServices::new(Arc::new(SingleProcess));
    Keeper::create(&json!({}), context(2, 2), services).unwrap()
}

fn step(instance: &mut dyn Instance, memories: [&Arc<Memory>; 2]) -> f64 {
    let at = TrainStep {
        epoch: 0,
        epochs: 1,
        step: 0,
        steps_per_epoch: 8,
        seed: 0,
    };
    let feature = |encoder, view, memory| Feature {
        encoder,
        view,
        level: Level::Pooled,
        tensor: described(memory),
    };
    let output = instance
        .step(StepInput {
            at,
            indices: FfiTensor::from_vec(&[2], vec![0_i64, 1]),
            features: vec![
                feature(Encoder::Online, 0, memories[0]),
                feature(Encoder::Target, 1, memories[1]),
            ],
        })
        .unwrap();
    output.loss
}

#[test]
fn features_that_a_framework_keeps_outlive_the_step_and_the_hosts_own() {
    let mut instance = instance();
    let values = [[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]];
    let expected = [103.0, 206.0, 309.0];
    for sum in expected {
        let memories = values.map(|v| Arc::new(Memory::new(&v)));
        // After the call nothing of the host's holds the memory any more.
        assert_eq!(step(instance.as_mut(), [&memories[0], &memories[1]]), sum);
        drop(memories);
    }
}

#[test]
fn memory_is_released_with_what_a_framework_kept() {
    let mut instance = instance();
    let memories = [[1.0; 4], [2.0; 4]].map(|v| Arc::new(Memory::new(&v)));
    step(instance.as_mut(), [&memories[0], &memories[1]]);
    assert!(memories.iter().all(|m| Arc::strong_count(m) == 2), "kept");
    drop(instance);
    assert!(memories.iter().all(|m| Arc::strong_count(m) == 1));
}

#[test]
fn computing_on_the_last_handle_of_a_kept_feature_leaves_the_hosts_memory_alone() {
    let mut instance = instance();
    let values = [[1.25, 2.0, 3.0, 4.0], [1e-7, 20.0, 30.0, 40.0]];
    let memories = values.map(|v| Arc::new(Memory::new(&v)));
    step(instance.as_mut(), [&memories[0], &memories[1]]);
    let at = TrainStep {
        epoch: 0,
        epochs: 1,
        step: 0,
        steps_per_epoch: 8,
        seed: 0,
    };
    instance.after_update(&at, None).unwrap();
    for (memory, values) in memories.iter().zip(&values) {
        assert_eq!(&memory.values(), values);
    }
}
