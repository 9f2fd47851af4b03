//! Images per second: single operations, the views of one image, and the loader.
#![expect(clippy::unwrap_used, reason = "a bench")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::{SourceConfig, open};
use ssl_datasets::views::blur::BlurScratch;
use ssl_datasets::views::resample::{Rect, ResampleScratch, resample};
use ssl_datasets::views::{
    EvalTransform, RenderScratch, ViewKey, ViewPlan, ViewTuning, blur, colour, evaluation, rescale,
};
use ssl_datasets::{Image, ImageRef};
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

/// A picture with smooth and sharp parts.
fn picture(width: usize, height: usize) -> Image {
    let mut image = Image::new(width, height);
    for (at, value) in image.data.iter_mut().enumerate() {
        let (x, y, c) = (at / 3 % width, at / 3 / width, at % 3);
        *value =
            ((x * (3 + c) / 2 + y * 2) % 256) as u8 ^ if (x / 9 + y / 7) % 5 == 0 { 96 } else { 0 };
    }
    image
}

fn render(
    plan: &ViewPlan,
    image: ImageRef<'_>,
    scratch: &mut RenderScratch,
    out: &mut [Vec<f32>],
    sample: u32,
) {
    let key = ViewKey {
        seed: 1,
        epoch: 0,
        sample,
        occurrence: 0,
    };
    let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
    plan.render(image, key, scratch, &mut views);
}

fn views(c: &mut Criterion) {
    let mut group = c.benchmark_group("simclr-views");
    for (size, image) in [(32, picture(32, 32)), (224, picture(500, 375))] {
        let plan = ViewPlan::new(&rescale(&simclr(), 224, size, &ViewTuning::default())).unwrap();
        let mut out: Vec<_> = plan
            .specs()
            .iter()
            .map(|s| vec![0.0; 3 * s.size * s.size])
            .collect();
        let mut scratch = RenderScratch::default();
        let mut sample = 0;
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                sample += 1;
                render(&plan, image.as_ref(), &mut scratch, &mut out, sample);
                black_box(&out);
            });
        });
    }
    group.finish();
}

fn operations(c: &mut Criterion) {
    for (side, image) in [(32, picture(32, 32)), (224, picture(400, 300))] {
        let mut group = c.benchmark_group(format!("operations-{side}"));
        let mut pixels: Vec<f32> = (0..3 * side * side)
            .map(|i| (i % 251) as f32 / 251.0)
            .collect();
        let mut scratch = BlurScratch::default();
        group.bench_function("brightness", |b| {
            b.iter(|| colour::brightness(black_box(&mut pixels), 1.01))
        });
        group.bench_function("contrast", |b| {
            b.iter(|| colour::contrast(black_box(&mut pixels), 1.01))
        });
        group.bench_function("saturation", |b| {
            b.iter(|| colour::saturation(black_box(&mut pixels), 1.01))
        });
        group.bench_function("hue", |b| {
            b.iter(|| colour::hue(black_box(&mut pixels), 0.05))
        });
        let whole = Rect {
            x: 0,
            y: 0,
            width: side,
            height: side,
        };
        let part = Rect {
            x: 3,
            y: 2,
            width: image.width * 3 / 4,
            height: image.height * 2 / 3,
        };
        let mut buffers = ResampleScratch::default();
        let mut out = vec![0.0; pixels.len()];
        group.bench_function("crop-bicubic", |b| {
            b.iter(|| {
                resample(
                    black_box(image.as_ref()),
                    part,
                    (side, side),
                    whole,
                    Interpolation::Bicubic,
                    &mut buffers,
                    &mut out,
                );
            });
        });
        group.bench_function("flip", |b| {
            b.iter(|| colour::flip(black_box(&mut pixels), side))
        });
        group.bench_function("blur-pil", |b| {
            b.iter(|| blur::pil(black_box(&mut pixels), side, 1.5, &mut scratch))
        });
        group.bench_function("blur-23-taps", |b| {
            b.iter(|| blur::sampled(black_box(&mut pixels), side, 23, 1.5, &mut scratch));
        });
        group.finish();
    }
}

fn loader(c: &mut Criterion) {
    let config: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": "train", "kind": "shapes", "split": "train", "count": 4096,
    }))
    .unwrap();
    let source = open(&config, None).unwrap();
    let groups = rescale(&simclr(), 224, 32, &ViewTuning::default());
    let mut group = c.benchmark_group("loader-simclr-32");
    group.throughput(Throughput::Elements(4096)).sample_size(10);
    for workers in [1, 2] {
        let config = LoaderConfig {
            workers,
            ..LoaderConfig::default()
        };
        let loader = TrainLoader::new(Arc::clone(&source), &groups, config).unwrap();
        group.bench_function(BenchmarkId::new("workers", workers), |b| {
            b.iter(|| {
                for batch in loader.start(EpochOptions::at(0)).unwrap() {
                    black_box(batch.unwrap());
                }
            });
        });
    }
    group.finish();
}

/// Decoding and views of the full-size photographs under `SSL_LOTTERY_DATA`; nothing without them.
fn photos(c: &mut Criterion) {
    let config: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": "photos", "kind": "image-folder", "path": "imagenet-sample",
    }))
    .unwrap();
    let Ok(source) = open(&config, None) else {
        return;
    };
    let mut group = c.benchmark_group("photos-224");
    group
        .throughput(Throughput::Elements(source.len() as u64))
        .sample_size(10);
    let recipes = [
        ("simclr", simclr()),
        (
            "evaluation",
            vec![evaluation(EvalTransform::Standard, 224, None)],
        ),
    ];
    for (name, groups) in recipes {
        for workers in [1, 2] {
            let config = LoaderConfig {
                workers,
                batch_size: 50,
                ..LoaderConfig::default()
            };
            let loader = TrainLoader::new(Arc::clone(&source), &groups, config).unwrap();
            group.bench_function(BenchmarkId::new(name, workers), |b| {
                b.iter(|| {
                    for batch in loader.start(EpochOptions::at(0)).unwrap() {
                        black_box(batch.unwrap());
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, views, operations, loader, photos);
criterion_main!(benches);
