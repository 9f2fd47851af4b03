//! What a call across the boundary costs beyond the plugin's own work.
//!
//! The fixture plugin hands each feature back as its gradient, so all that is measured is the
//! boundary: descriptors, lists, the guard, validation on both sides.

#![expect(unsafe_code, reason = "describes borrowed memory, as a host does")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use ssl_plugin_api::description::{Encoder, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{
    Device, Dtype, Feature, FeatureDim, FfiTensor, Flags, RunContext, SingleProcess, StepInput,
    TrainStep,
};
use std::hint::black_box;
use std::sync::Arc;

const BATCH: usize = 256;

fn echo() -> Instance {
    let exe = std::env::current_exe().expect("the bench has a path");
    let path = exe.with_file_name("libfixture_echo.so");
    let plugin = Plugin::open(&path).expect("the fixture is built beside the bench");
    let context = RunContext {
        features: vec![FeatureDim {
            level: Level::Pooled,
            dim: 2048,
        }],
        samples: 1024,
        batch_size: BATCH,
        steps_per_epoch: 4,
        epochs: 1,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed: 0,
    };
    plugin
        .create("echo", &json!({}), &context, Arc::new(SingleProcess))
        .expect("echo starts")
}

/// Describes `values` without copying; the keeper shares ownership, as a host's tensor does.
fn describe(values: &Arc<Vec<f32>>, dim: usize) -> FfiTensor {
    let data = values.as_ptr().cast_mut().cast();
    let shape = [BATCH as i64, dim as i64];
    // SAFETY: the vector holds `BATCH·dim` f32 and lives as long as the keeper.
    unsafe {
        FfiTensor::from_raw_parts(
            Arc::clone(values),
            data,
            Device::CPU,
            Dtype::F32,
            &shape,
            &[dim as i64, 1],
            Flags::READ_ONLY,
        )
    }
}

fn step(c: &mut Criterion) {
    let mut instance = echo();
    let mut group = c.benchmark_group("boundary/step");
    for dim in [128, 2048] {
        let values = Arc::new(vec![1.0_f32; BATCH * dim]);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::from_parameter(format!("{BATCH}x{dim}")), |b| {
            b.iter(|| {
                let input = StepInput {
                    at: TrainStep {
                        epoch: 0,
                        epochs: 1,
                        step: 0,
                        steps_per_epoch: 4,
                        seed: 0,
                    },
                    indices: FfiTensor::from_vec(&[BATCH as i64], vec![0_i64; BATCH]),
                    features: vec![Feature {
                        encoder: Encoder::Online,
                        view: 0,
                        level: Level::Pooled,
                        tensor: describe(&values, dim),
                    }],
                };
                black_box(instance.step(input).expect("echo steps"))
            });
        });
    }
    group.finish();
}

fn hand_over(c: &mut Criterion) {
    let mut group = c.benchmark_group("boundary/tensor");
    for dim in [128, 2048] {
        let values = Arc::new(vec![1.0_f32; BATCH * dim]);
        group.bench_function(BenchmarkId::from_parameter(format!("{BATCH}x{dim}")), |b| {
            b.iter(|| black_box(describe(&values, dim)).validate());
        });
    }
    group.finish();
}

criterion_group!(benches, step, hand_over);
criterion_main!(benches);
