//! Time and memory of one forward and backward pass of a backbone in train mode.
//!
//! ```text
//! step_cost DEPTH STEM SIZE IMAGES PRECISION [ROUNDS]
//! step_cost resnet50 imagenet 224 32 bf16 3
//! ```
//!
//! Prints the median processor and wall time of a pass after one that does not count, and by how much
//! the process's peak memory grew.

mod measure;

use measure::{cpu_seconds, peak_mib};
use ssl_host::backbone::{Backbone, BackboneConfig, ComputePrecision};
use ssl_plugin_api::description::{BatchNormMode, Level};
use std::time::Instant;
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    ssl_host::memory::keep_freed();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [depth, stem, size, images, precision, rounds @ ..] = &arguments[..] else {
        return Err("expected DEPTH STEM SIZE IMAGES PRECISION [ROUNDS]".into());
    };
    let config: BackboneConfig =
        serde_json::from_value(serde_json::json!({ "depth": depth, "stem": stem }))?;
    let precision: ComputePrecision = serde_json::from_value(precision.as_str().into())?;
    let rounds: usize = rounds.first().map_or(Ok(3), |rounds| rounds.parse())?;
    let (size, images): (i64, i64) = (size.parse()?, images.parse()?);

    let backbone = Backbone::new(&config, 0, Device::Cpu)?.with_precision(precision);
    let parameters: Vec<&Tensor> = backbone.parameters().iter().map(|n| &n.tensor).collect();
    let images = Tensor::rand([images, 3, size, size], (Kind::Float, Device::Cpu));
    let before = peak_mib()?;
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        let (cpu_start, start) = (cpu_seconds(), Instant::now());
        let features = backbone.forward(&images, BatchNormMode::Train, &[Level::Pooled])?;
        let pooled = features.get(Level::Pooled).ok_or("no pooled features")?;
        let sum = pooled.f_square()?.f_sum(Kind::Float)?;
        let grads = Tensor::f_run_backward(&[sum], &parameters, false, false)?;
        drop(grads);
        cpu.push(cpu_seconds() - cpu_start);
        wall.push(start.elapsed().as_secs_f64());
    }
    println!(
        "{}: {:.2} s of processor time, {:.2} s, {:.0} MiB",
        arguments[..5].join(" "),
        median(&mut cpu[1..]),
        median(&mut wall[1..]),
        peak_mib()? - before
    );
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
