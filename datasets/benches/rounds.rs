//! One round of work at a time, on demand: for comparisons in which two programs take turns.
//!
//! Reads lines `photos RECIPE WORKERS` and `cifar WORKERS FILE…` from standard input, with RECIPE
//! `simclr` or `evaluation`, and answers each with the milliseconds per image: processor time of
//! all threads, then wall time. Photographs are those under `SSL_LOTTERY_DATA/imagenet-sample`.
//! Without input, as in a plain `cargo bench`, it does nothing. `benches/peer/loader_peer.py` is
//! its partner.
#![expect(clippy::unwrap_used, reason = "a bench")]

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::{Source, open};
use ssl_datasets::views::{EvalTransform, ViewTuning, evaluation, rescale};
use ssl_plugin_api::description::{
    BlurKernel, Brightness, Interpolation, Transform, ViewGroup, ViewRole,
};

/// SimCLR's two views at 224 pixels.
fn simclr() -> Vec<ViewGroup> {
    vec![ViewGroup {
        name: "global".to_owned(),
        count: 2,
        role: ViewRole::Global,
        transforms: vec![
            Transform::RandomResizedCrop {
                size: 224,
                area: [0.08, 1.0],
                ratio: [0.75, 4.0 / 3.0],
                interpolation: Interpolation::Bicubic,
            },
            Transform::HorizontalFlip { p: 0.5 },
            Transform::ColorJitter {
                p: 0.8,
                brightness: 0.8,
                contrast: 0.8,
                saturation: 0.8,
                hue: 0.2,
                brightness_form: Brightness::Factor,
            },
            Transform::Grayscale { p: 0.2 },
            Transform::GaussianBlur {
                p: 0.5,
                sigma: [0.1, 2.0],
                kernel: BlurKernel::Taps { taps: 23 },
            },
        ],
        patches: None,
    }]
}

/// Processor time of this process in milliseconds, to a hundredth of a second.
fn processor_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name in parentheses may hold blanks; user and system time are the 12th and 13th after it.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks = rest.split_whitespace().skip(11).take(2);
    10.0 * ticks.map(|t| t.parse::<f64>().unwrap()).sum::<f64>()
}

/// Goes through the set several times in one long epoch, in which buffers are used again as in
/// training. Long enough for the clock's hundredths not to matter.
fn round(source: &Arc<dyn Source>, groups: &[ViewGroup], workers: usize, epoch: u32) -> (f64, f64) {
    let (batch_size, images) = match source.len() {
        0..1000 => (100, 2000),
        _ => (256, 51_200),
    };
    let config = LoaderConfig {
        batch_size,
        workers,
        ..LoaderConfig::default()
    };
    let options = EpochOptions {
        order: Some((0..source.len() as u64).cycle().take(images).collect()),
        ..EpochOptions::at(epoch)
    };
    let loader = TrainLoader::new(Arc::clone(source), groups, config).unwrap();
    let (processor, wall) = (processor_ms(), Instant::now());
    let mut images = 0;
    for batch in loader.start(options).unwrap() {
        let batch = batch.unwrap();
        images += batch.len();
        black_box(&batch);
    }
    let per_image = |ms: f64| ms / images as f64;
    (
        per_image(processor_ms() - processor),
        per_image(wall.elapsed().as_secs_f64() * 1000.0),
    )
}

fn main() {
    let mut sources: HashMap<String, Arc<dyn Source>> = HashMap::new();
    for (epoch, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let (config, groups, workers) = match words[..] {
            ["photos", recipe, workers] => (
                json!({ "name": "photos", "kind": "image-folder", "path": "imagenet-sample" }),
                match recipe {
                    "simclr" => simclr(),
                    _ => vec![evaluation(EvalTransform::Standard, 224, None)],
                },
                workers,
            ),
            ["cifar", workers, ref files @ ..] => (
                json!({ "name": "cifar", "kind": "cifar10", "files": files }),
                rescale(&simclr(), 224, 32, &ViewTuning::default()),
                workers,
            ),
            _ => panic!(
                "expected `photos RECIPE WORKERS` or `cifar WORKERS FILE...`, found `{line}`"
            ),
        };
        let source = sources
            .entry(config.to_string())
            .or_insert_with(|| open(&serde_json::from_value(config).unwrap(), None).unwrap());
        let (processor, wall) = round(source, &groups, workers.parse().unwrap(), epoch as u32);
        println!("{processor} {wall}");
        std::io::stdout().flush().unwrap();
    }
}
