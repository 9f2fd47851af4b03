//! Time and memory of one pretext step through the ABI, on drawn features and without a backbone.
//!
//! ```text
//! pretext_cost LIBRARY ID BATCH ROUNDS [CONFIG]
//! pretext_cost target/release/libssl_simclr.so simclr 256 5 '{}'
//! ```
//!
//! Prints a line of JSON: the processor and wall times of the rounds after one that does not count, in seconds, and
//! by how much the process's peak memory grew, in MiB.

mod measure;

use measure::{cpu_seconds, peak_mib};
use serde_json::{Value, json};
use ssl_plugin_api::description::{Description, Encoder, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::Plugin;
use ssl_plugin_api::{Feature, FeatureDim, RunContext, SingleProcess, StepInput, TrainStep};
use ssl_plugin_tensor::{export, export_read_only};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tch::{Device, Kind, Tensor};

/// Channels and side of a level of ResNet-50 at 224 pixels.
const fn shape(level: Level) -> (usize, i64) {
    match level {
        Level::Layer3 => (1024, 14),
        Level::Layer4 => (2048, 7),
        _ => (2048, 1),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    ssl_host::memory::keep_freed();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, id, batch, rounds, config @ ..] = &arguments[..] else {
        return Err("expected LIBRARY ID BATCH ROUNDS [CONFIG]".into());
    };
    let (batch, rounds): (usize, u64) = (batch.parse()?, rounds.parse()?);
    let config: Value = config
        .first()
        .map_or(Ok(json!({})), |c| serde_json::from_str(c))?;
    let plugin = Plugin::open(Path::new(library))?;
    let description = plugin.describe(id, &config)?;
    let levels = [Level::Layer3, Level::Layer4, Level::Pooled];
    let context = RunContext {
        features: levels
            .map(|level| FeatureDim {
                level,
                dim: shape(level).0,
            })
            .to_vec(),
        samples: 1000 * batch,
        batch_size: batch,
        steps_per_epoch: 100,
        epochs: 100,
        world_size: 1,
        rank: 0,
        device: "cpu".into(),
        seed: 0,
    };
    let features = drawn(&description, batch);
    let before = peak_mib()?;
    let mut instance = plugin.create(id, &config, &context, Arc::new(SingleProcess))?;
    let indices = Tensor::arange(batch as i64, (Kind::Int64, Device::Cpu));
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for step in 0..=rounds {
        let at = TrainStep {
            epoch: 0,
            epochs: 100,
            step,
            steps_per_epoch: 100,
            seed: 0,
        };
        let lent = features.iter().zip(keys(&description));
        let input = StepInput {
            at,
            indices: export(&indices)?,
            features: lent
                .map(|(tensor, (encoder, view, level))| {
                    Ok(Feature {
                        encoder,
                        view,
                        level,
                        tensor: export_read_only(tensor)?,
                    })
                })
                .collect::<Result<_, ssl_plugin_api::Fault>>()?,
        };
        let (cpu_start, start) = (cpu_seconds(), Instant::now());
        let output = instance.step(input)?;
        drop(output);
        instance.after_update(&at, Some(0.99))?;
        cpu.push(cpu_seconds() - cpu_start);
        wall.push(start.elapsed().as_secs_f64());
    }
    let memory = peak_mib()? - before;
    println!(
        "{}",
        json!({ "cpu": cpu[1..], "wall": wall[1..], "mib": memory })
    );
    Ok(())
}

/// What the description asks of the backbone, in its order.
fn keys(description: &Description) -> Vec<(Encoder, usize, Level)> {
    let requests = description.encoders.iter();
    let keys = requests.flat_map(|request| {
        let views = request.views.iter();
        views.flat_map(move |&view| {
            request
                .levels
                .iter()
                .map(move |&level| (request.encoder, view, level))
        })
    });
    keys.collect()
}

/// Features as a backbone gives them: not negative.
fn drawn(description: &Description, batch: usize) -> Vec<Tensor> {
    tch::manual_seed(0);
    let features = keys(description).into_iter().map(|(_, _, level)| {
        let (channels, side) = shape(level);
        let shape = match level {
            Level::Pooled => vec![batch as i64, channels as i64],
            _ => vec![batch as i64, channels as i64, side, side],
        };
        Tensor::randn(shape, (Kind::Float, Device::Cpu)).relu()
    });
    features.collect()
}
