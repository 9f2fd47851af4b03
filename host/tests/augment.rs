//! Steps on batches of tensors against the same steps in the loader's threads.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::{SourceConfig, open};
use ssl_datasets::views::Drawn;
use ssl_host::augment;
use ssl_plugin_api::description::{
    BlurKernel, Brightness, IMAGENET_MEAN, IMAGENET_STD, Interpolation, PatchGrid, Transform,
    ViewGroup, ViewRole,
};
use std::sync::Arc;
use tch::Tensor;

const BLURS: [BlurKernel; 2] = [BlurKernel::Pil, BlurKernel::Taps { taps: 9 }];

/// Every step, most of them left out now and then, in an order that no framework has.
fn group(name: &str, kernel: BlurKernel, brightness_form: Brightness) -> ViewGroup {
    ViewGroup {
        name: name.to_owned(),
        count: 2,
        role: ViewRole::Global,
        transforms: vec![
            Transform::RandomResizedCrop {
                size: 24,
                area: [0.2, 1.0],
                ratio: [0.75, 4.0 / 3.0],
                interpolation: Interpolation::Bicubic,
            },
            Transform::ColorJitter {
                p: 0.8,
                brightness: 0.8,
                contrast: 0.8,
                saturation: 0.8,
                hue: 0.4,
                brightness_form,
            },
            Transform::GaussianBlur {
                p: 0.6,
                sigma: [0.1, 2.0],
                kernel,
            },
            Transform::HorizontalFlip { p: 0.5 },
            Transform::Grayscale { p: 0.3 },
            Transform::Solarize {
                p: 0.4,
                threshold: 128.0 / 255.0,
            },
            Transform::Normalize {
                mean: IMAGENET_MEAN,
                std: IMAGENET_STD,
            },
        ],
        patches: None,
    }
}

fn groups() -> Vec<ViewGroup> {
    let mut patches = group("patches", BlurKernel::Pil, Brightness::Factor);
    patches.patches = Some(PatchGrid {
        grid: 2,
        patch: 10,
        jitter: 2,
    });
    vec![
        group("pil", BLURS[0], Brightness::Factor),
        group("taps", BLURS[1], Brightness::Additive),
        patches,
    ]
}

/// The views of one batch, flat, and what is left to be done to each.
fn batch(defer_steps: bool) -> Vec<(Vec<f32>, Vec<Drawn>, usize)> {
    let source: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": "train", "kind": "shapes", "split": "train", "count": 96,
    }))
    .unwrap();
    let config = LoaderConfig {
        batch_size: 96,
        workers: 2,
        seed: 4,
        defer_steps,
        ..LoaderConfig::default()
    };
    let source = open(&source, None).unwrap();
    let loader = TrainLoader::new(Arc::clone(&source), &groups(), config).unwrap();
    let batch = loader.start(EpochOptions::at(1)).unwrap().next().unwrap();
    let batch = batch.unwrap();
    let views = batch.views.iter();
    views
        .map(|v| (v.data.to_vec(), v.later.clone(), v.size))
        .collect()
}

#[test]
fn deferred_steps_give_the_views_of_the_loader() {
    let (here, deferred) = (batch(false), batch(true));
    assert!(here.iter().all(|(_, later, _)| later.is_empty()));
    for (at, ((expected, ..), (pixels, later, size))) in here.iter().zip(&deferred).enumerate() {
        // Patches are cut from an image that all steps were applied to.
        assert_eq!(later.is_empty(), at >= 4, "view {at}");
        let size = *size as i64;
        let views = Tensor::from_slice(pixels).reshape([96, 3, size, size]);
        let views = augment::apply(views, later).unwrap();
        let found = Vec::<f32>::try_from(views.contiguous().flatten(0, -1)).unwrap();
        // Solarisation turns a rounding at its threshold into a jump of at most 1/255, as there
        // 1 − x and x differ by that.
        let largest = found
            .iter()
            .zip(expected)
            .map(|(a, b)| (a - b).abs() * IMAGENET_STD[0] * 255.0)
            .fold(0.0, f32::max);
        assert!(largest <= 2.0, "view {at}: {largest}/255");
        let moved = pixels != expected;
        assert_eq!(moved, at < 4, "view {at}");
    }
}

#[test]
fn every_kind_of_step_occurs() {
    let kinds = batch(true)
        .iter()
        .flat_map(|(_, later, _)| later.clone())
        .map(|drawn| format!("{drawn:?}"))
        .map(|text| text.split(['(', ' ']).next().unwrap().to_owned())
        .collect::<std::collections::BTreeSet<_>>();
    let expected = [
        "Blur",
        "Brightness",
        "BrightnessShift",
        "Contrast",
        "Grayscale",
        "Hue",
        "Normalize",
        "Nothing",
        "Saturation",
        "Solarize",
    ];
    assert!(kinds.iter().eq(expected), "{kinds:?}");
}
