//! The distributions that random steps draw from, read back from what they did to an image.
//!
//! Each is compared with torchvision's rule in closed form (Kolmogorov–Smirnov on 10,000 draws).
#![expect(clippy::unwrap_used, reason = "tests")]

use ssl_datasets::Image;
use ssl_datasets::views::{RenderScratch, ViewKey, ViewPlan};
use ssl_plugin_api::description::{BlurKernel, Brightness, Transform, ViewGroup, ViewRole};

const DRAWS: u32 = 10_000;
const SIDE: usize = 15;
const MIDDLE: usize = 7 * SIDE + 7;

/// Renders an image of `pixel` with `middle` at its centre under `step`, and reads a number from the
/// planes of each view.
fn draws(
    pixel: [u8; 3],
    middle: [u8; 3],
    step: Transform,
    read: impl Fn(&[f32], usize) -> f64,
) -> Vec<f64> {
    let mut image = Image::new(SIDE, SIDE);
    for (at, out) in image.data.chunks_exact_mut(3).enumerate() {
        out.copy_from_slice(if at == MIDDLE { &middle } else { &pixel });
    }
    let plan = ViewPlan::new(&[ViewGroup {
        name: "test".to_owned(),
        count: 1,
        role: ViewRole::Global,
        transforms: vec![Transform::CenterCrop { size: SIDE }, step],
        patches: None,
    }])
    .unwrap();
    let mut scratch = RenderScratch::default();
    let mut out = vec![0.0; 3 * SIDE * SIDE];
    (0..DRAWS)
        .map(|sample| {
            let key = ViewKey {
                seed: 5,
                epoch: 1,
                sample,
                occurrence: 0,
            };
            plan.render(image.as_ref(), key, &mut scratch, &mut [&mut out]);
            read(&out, SIDE * SIDE)
        })
        .collect()
}

fn jitter(
    brightness: f32,
    contrast: f32,
    saturation: f32,
    hue: f32,
    form: Brightness,
) -> Transform {
    Transform::ColorJitter {
        p: 1.0,
        brightness,
        contrast,
        saturation,
        hue,
        brightness_form: form,
    }
}

/// Asserts that the draws are uniform between `low` and `high`.
fn uniform(what: &str, mut draws: Vec<f64>, low: f64, high: f64) {
    draws.sort_by(f64::total_cmp);
    let n = draws.len() as f64;
    let statistic = draws
        .iter()
        .enumerate()
        .map(|(i, x)| {
            let expected = ((x - low) / (high - low)).clamp(0.0, 1.0);
            (expected - i as f64 / n).max((i + 1) as f64 / n - expected)
        })
        .fold(0.0, f64::max);
    // The 1 % point for 10,000 draws.
    assert!(statistic < 1.63 / 100.0, "{what}: {statistic}");
}

#[test]
fn brightness_is_a_uniform_factor_or_a_uniform_shift() {
    let grey = [64; 3];
    let factor = jitter(0.4, 0.0, 0.0, 0.0, Brightness::Factor);
    let found = draws(grey, grey, factor, |v, _| f64::from(v[0]) * 255.0 / 64.0);
    uniform("factor", found, 0.6, 1.4);
    let strong = jitter(1.5, 0.0, 0.0, 0.0, Brightness::Factor);
    let found = draws(grey, grey, strong, |v, _| f64::from(v[0]) * 255.0 / 64.0);
    uniform("factor from 0", found, 0.0, 2.5);
    let shift = jitter(0.2, 0.0, 0.0, 0.0, Brightness::Additive);
    let found = draws(grey, grey, shift, |v, _| f64::from(v[0]) - 64.0 / 255.0);
    uniform("shift", found, -0.2, 0.2);
}

#[test]
fn contrast_and_saturation_are_uniform_factors() {
    let step = jitter(0.0, 0.8, 0.0, 0.0, Brightness::Factor);
    let found = draws([100; 3], [140; 3], step, |v, _| {
        f64::from(v[MIDDLE] - v[0]) * 255.0 / 40.0
    });
    uniform("contrast", found, 0.2, 1.8);
    let step = jitter(0.0, 0.0, 0.4, 0.0, Brightness::Factor);
    let found = draws([150, 110, 110], [150, 110, 110], step, |v, plane| {
        f64::from(v[0] - v[plane]) * 255.0 / 40.0
    });
    uniform("saturation", found, 0.6, 1.4);
}

#[test]
fn hue_turns_uniformly_either_way() {
    let red = [204, 0, 0];
    let step = jitter(0.0, 0.0, 0.0, 0.1, Brightness::Factor);
    let found = draws(red, red, step, |v, plane| {
        f64::from(v[plane] - v[2 * plane]) / 0.8 / 6.0
    });
    uniform("hue", found, -0.1, 0.1);
}

#[test]
fn sigma_is_uniform() {
    let step = Transform::GaussianBlur {
        p: 1.0,
        sigma: [0.5, 2.0],
        kernel: BlurKernel::Taps { taps: 9 },
    };
    // One bright pixel becomes the kernel: neighbour over centre is exp(−1/(2σ²)).
    let found = draws([0; 3], [255; 3], step, |v, _| {
        (-0.5 / f64::from(v[MIDDLE + 1] / v[MIDDLE]).ln()).sqrt()
    });
    uniform("sigma", found, 0.5, 2.0);
}

#[test]
fn steps_happen_as_often_as_they_should() {
    let colour = [200, 100, 50];
    let changed = |step: Transform| {
        let found = draws(colour, colour, step, |v, plane| {
            let kept = (v[0] * 255.0 - 200.0).abs() < 0.5 && (v[plane] * 255.0 - 100.0).abs() < 0.5;
            f64::from(u8::from(!kept))
        });
        found.iter().sum::<f64>() / f64::from(DRAWS)
    };
    // Five standard deviations of a share of 10,000 draws are at most 0.025.
    let solarized = changed(Transform::Solarize {
        p: 0.2,
        threshold: 0.5,
    });
    assert!((solarized - 0.2).abs() < 0.02, "{solarized}");
    let grey = changed(Transform::Grayscale { p: 0.2 });
    assert!((grey - 0.2).abs() < 0.02, "{grey}");
    assert_eq!(changed(Transform::Grayscale { p: 0.0 }), 0.0);
    assert_eq!(changed(Transform::Grayscale { p: 1.0 }), 1.0);
}
