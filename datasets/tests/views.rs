//! Deterministic operations against stored outputs of Pillow and torchvision (`golden/views.py`).
#![expect(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use ssl_datasets::Image;
use ssl_datasets::views::blur::{self, BlurScratch};
use ssl_datasets::views::resample::{Rect, ResampleScratch, resample};
use ssl_datasets::views::{RenderScratch, ViewKey, ViewPlan, colour};
use ssl_plugin_api::description::{Interpolation, PatchGrid, Transform, ViewGroup, ViewRole};

#[derive(Deserialize)]
struct Case {
    name: String,
    shape: [usize; 3],
    offset: usize,
}

/// The stored cases whose name starts with `op`: the rest of the name, the shape, the values in
/// `[0, 255]`.
fn cases(op: &str) -> Vec<(Vec<String>, [usize; 3], Vec<f32>)> {
    let index: Vec<Case> = serde_json::from_str(include_str!("golden/views.json")).unwrap();
    let bytes = include_bytes!("golden/views.bin");
    let found: Vec<_> = index
        .into_iter()
        .filter_map(|case| {
            let rest = case.name.strip_prefix(op)?;
            let arguments = rest.split_whitespace().map(str::to_owned).collect();
            let count = case.shape.iter().product::<usize>();
            let values = bytes[case.offset * 2..(case.offset + count) * 2]
                .chunks_exact(2)
                .map(|b| f32::from(u16::from_le_bytes([b[0], b[1]])) / 256.0)
                .collect();
            Some((arguments, case.shape, values))
        })
        .collect();
    assert!(!found.is_empty(), "{op}");
    found
}

/// Ramps, a disc and stripes, as `golden/views.py` draws them.
fn picture(width: usize, height: usize) -> Image {
    let mut image = Image::new(width, height);
    for (at, pixel) in image.data.chunks_exact_mut(3).enumerate() {
        let (x, y) = (at % width, at / width);
        for (c, value) in pixel.iter_mut().enumerate() {
            let ramp = (x * (3 + c) + y * (5 - c)) * 2 % 512;
            *value = if ramp > 255 { 511 - ramp } else { ramp } as u8;
        }
        let (dx, dy) = (x.abs_diff(width / 3), y.abs_diff(height / 2));
        if dx * dx + dy * dy < (width.min(height) / 4).pow(2) {
            pixel[0] = 255 - pixel[0] / 2;
            pixel[1] /= 3;
        }
        if (x * 2 + y) % 37 < 5 {
            pixel[2] = 20;
        }
    }
    image
}

/// The 18 × 18 square at (4, 6), in planes.
fn square() -> Vec<f32> {
    let image = picture(45, 37);
    let mut planes = vec![0.0; 3 * 18 * 18];
    for (at, value) in planes.iter_mut().enumerate() {
        let (c, y, x) = (at / 324, at % 324 / 18, at % 18);
        *value = f32::from(image.data[((6 + y) * 45 + 4 + x) * 3 + c]) / 255.0;
    }
    planes
}

/// Largest difference in steps of 1/255.
fn distance(found: &[f32], stored: &[f32]) -> f32 {
    assert_eq!(found.len(), stored.len());
    found
        .iter()
        .zip(stored)
        .map(|(a, b)| (a * 255.0 - b).abs())
        .fold(0.0, f32::max)
}

fn interpolation(name: &str) -> Interpolation {
    match name {
        "bilinear" => Interpolation::Bilinear,
        _ => Interpolation::Bicubic,
    }
}

#[test]
fn crops_are_resized_as_pillow_does() {
    let image = picture(45, 37);
    for (arguments, shape, stored) in cases("crop") {
        let n: Vec<usize> = arguments[1..].iter().map(|a| a.parse().unwrap()).collect();
        let from = Rect {
            x: n[0],
            y: n[1],
            width: n[2],
            height: n[3],
        };
        let size = n[4];
        let window = Rect {
            x: 0,
            y: 0,
            width: size,
            height: size,
        };
        let mut out = vec![0.0; shape.iter().product()];
        resample(
            image.as_ref(),
            from,
            (size, size),
            window,
            interpolation(&arguments[0]),
            &mut ResampleScratch::default(),
            &mut out,
        );
        let distance = distance(&out, &stored);
        assert!(distance <= 1.5, "{arguments:?}: {distance}");
    }
}

#[test]
fn centres_are_those_of_torchvision() {
    let image = picture(45, 37);
    for (arguments, shape, stored) in cases("center") {
        let [resize, crop] = [1, 2].map(|i| arguments[i].parse::<usize>().unwrap());
        let mut transforms = vec![Transform::CenterCrop { size: crop }];
        if resize > 0 {
            let resize = Transform::Resize {
                size: resize,
                interpolation: interpolation(&arguments[0]),
            };
            transforms.insert(0, resize);
        }
        let plan = ViewPlan::new(&[ViewGroup {
            name: "center".to_owned(),
            count: 1,
            role: ViewRole::Whole,
            transforms,
            patches: None,
        }])
        .unwrap();
        let key = ViewKey {
            seed: 0,
            epoch: 0,
            sample: 0,
            occurrence: 0,
        };
        let mut out = vec![0.0; shape.iter().product()];
        plan.render(
            image.as_ref(),
            key,
            &mut RenderScratch::default(),
            &mut [&mut out],
        );
        let distance = distance(&out, &stored);
        assert!(distance <= 1.5, "{arguments:?}: {distance}");
    }
}

/// Checks every stored case of an operation with at most one number.
fn check(op: &str, tolerance: f32, run: impl Fn(&mut [f32], f32)) {
    for (arguments, _, stored) in cases(op) {
        let mut pixels = square();
        run(
            &mut pixels,
            arguments.first().map_or(0.0, |a| a.parse().unwrap()),
        );
        let distance = distance(&pixels, &stored);
        assert!(distance <= tolerance, "{op} {arguments:?}: {distance}");
    }
}

#[test]
fn colours_are_changed_as_torchvision_does() {
    check("brightness", 0.01, colour::brightness);
    check("saturation", 0.1, colour::saturation);
    check("contrast", 0.1, colour::contrast);
    check("hue", 0.01, colour::hue);
    check("solarize", 0.01, colour::solarize);
}

#[test]
fn luma_is_pillows() {
    check("grayscale", 0.51, |pixels, _| colour::grayscale(pixels));
}

#[test]
fn blurs_are_those_of_pillow_and_torchvision() {
    // Pillow rounds to whole steps after each of its six passes.
    check("pil-blur", 2.5, |pixels, sigma| {
        blur::pil(pixels, 18, sigma, &mut BlurScratch::default());
    });
    for (arguments, _, stored) in cases("taps-blur") {
        let mut pixels = square();
        let (taps, sigma) = (arguments[0].parse().unwrap(), arguments[1].parse().unwrap());
        blur::sampled(&mut pixels, 18, taps, sigma, &mut BlurScratch::default());
        let distance = distance(&pixels, &stored);
        assert!(distance <= 0.01, "{arguments:?}: {distance}");
    }
}

#[test]
fn rows_below_those_needed_have_no_influence() {
    let group = |name: &str, transforms, patches| ViewGroup {
        name: name.to_owned(),
        count: 2,
        role: ViewRole::Global,
        transforms,
        patches,
    };
    let crop = |interpolation| Transform::RandomResizedCrop {
        size: 24,
        area: [0.1, 0.5],
        ratio: [0.75, 4.0 / 3.0],
        interpolation,
    };
    let resize = Transform::Resize {
        size: 32,
        interpolation: Interpolation::Bilinear,
    };
    let middle = Transform::CenterCrop { size: 20 };
    let grid = PatchGrid {
        grid: 2,
        patch: 8,
        jitter: 2,
    };
    let groups = [
        group("bicubic", vec![crop(Interpolation::Bicubic)], None),
        group("patches", vec![crop(Interpolation::Bilinear)], Some(grid)),
        group("middle", vec![resize, middle.clone()], None),
        group("as it is", vec![middle], None),
    ];
    let mut fewer = 0;
    for group in groups {
        let tight = group.patches.is_none();
        let plan = ViewPlan::new(&[group]).unwrap();
        for (sample, size) in [(70, 50), (50, 70), (33, 200), (17, 18)]
            .into_iter()
            .enumerate()
        {
            let mut image = picture(size.0, size.1);
            let key = ViewKey {
                seed: 3,
                epoch: 0,
                sample: sample as u32,
                occurrence: 0,
            };
            let render = |image: &Image| {
                let mut out: Vec<Vec<f32>> = plan
                    .specs()
                    .iter()
                    .map(|spec| vec![0.0; 3 * spec.size * spec.size])
                    .collect();
                let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
                plan.render(
                    image.as_ref(),
                    key,
                    &mut RenderScratch::default(),
                    &mut views,
                );
                out
            };
            let whole = render(&image);
            let rows = plan.rows(size.0, size.1, key);
            assert!(rows <= size.1);
            fewer += usize::from(rows < size.1);
            image.data[rows * size.0 * 3..].fill(255);
            assert!(render(&image) == whole, "{}", plan.specs()[0].group);
            // One row less is too few, unless no patch was cut from there.
            image.data[(rows - 1) * size.0 * 3..].fill(255);
            assert!(
                !tight || render(&image) != whole,
                "{}",
                plan.specs()[0].group
            );
        }
    }
    assert!(fewer >= 8, "{fewer} of 16 images need fewer rows");
}
