//! Scaling of views to small images, patches, and the distribution of random crops.
#![expect(clippy::unwrap_used, reason = "tests")]

use ssl_datasets::Image;
use ssl_datasets::random::{Domain, Stream};
use ssl_datasets::views::crop::random_resized_crop;
use ssl_datasets::views::{
    EvalTransform, RenderScratch, ViewKey, ViewPlan, ViewTuning, evaluation, normalization, rescale,
};
use ssl_plugin_api::description::{
    BlurKernel, Interpolation, PatchGrid, Transform, ViewGroup, ViewRole,
};

fn crop(size: usize, area: [f32; 2]) -> Transform {
    Transform::RandomResizedCrop {
        size,
        area,
        ratio: [0.75, 4.0 / 3.0],
        interpolation: Interpolation::Bilinear,
    }
}

fn group(role: ViewRole, transforms: Vec<Transform>) -> ViewGroup {
    ViewGroup {
        name: "test".to_owned(),
        count: 1,
        role,
        transforms,
        patches: None,
    }
}

#[test]
fn sizes_taps_and_sigmas_scale_with_the_image() {
    let blur = |taps, sigma| Transform::GaussianBlur {
        p: 0.5,
        sigma,
        kernel: BlurKernel::Taps { taps },
    };
    let groups = [
        group(
            ViewRole::Global,
            vec![crop(224, [0.14, 1.0]), blur(23, [0.7, 1.4])],
        ),
        group(ViewRole::Local, vec![crop(96, [0.05, 0.14])]),
        group(ViewRole::Global, vec![crop(160, [0.08, 0.6])]),
    ];
    let tuning = ViewTuning {
        min_area: Some(0.2),
        local_area: Some([0.1, 0.3]),
        ..ViewTuning::default()
    };
    let scaled = rescale(&groups, 224, 32, &tuning);
    assert_eq!(scaled[0].transforms[0], crop(32, [0.2, 1.0]));
    let Transform::GaussianBlur { sigma, kernel, .. } = scaled[0].transforms[1] else {
        panic!("{:?}", scaled[0]);
    };
    assert_eq!(kernel, BlurKernel::Taps { taps: 3 });
    assert!((sigma[0] - 0.1).abs() < 1e-6 && (sigma[1] - 0.2).abs() < 1e-6);
    assert_eq!(scaled[1].transforms[0], crop(14, [0.1, 0.3]));
    assert_eq!(scaled[2].transforms[0], crop(23, [0.2, 0.6]));
    let off = ViewTuning {
        drop_blur: true,
        ..ViewTuning::default()
    };
    assert_eq!(rescale(&groups, 224, 32, &off)[0].transforms.len(), 1);
}

#[test]
fn evaluation_keeps_the_normalisation_of_the_training_views() {
    let with = group(
        ViewRole::Global,
        vec![
            crop(224, [0.08, 1.0]),
            Transform::Normalize {
                mean: [0.1, 0.2, 0.3],
                std: [0.4, 0.5, 0.6],
            },
        ],
    );
    let found = normalization(&[with]);
    assert_eq!(found, Some(([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])));
    assert_eq!(
        normalization(&[group(ViewRole::Global, vec![crop(224, [0.1, 1.0])])]),
        None
    );
    let view = evaluation(EvalTransform::Standard, 224, found);
    assert_eq!(view.size(), Some(224));
    assert_eq!(
        view.transforms[0],
        Transform::Resize {
            size: 256,
            interpolation: Interpolation::Bilinear
        }
    );
}

#[test]
fn patches_are_different_cells_of_one_augmented_image() {
    // Red rises with x, green with y: a patch tells where it was cut.
    let mut image = Image::new(90, 90);
    for (at, pixel) in image.data.chunks_exact_mut(3).enumerate() {
        pixel.copy_from_slice(&[(at % 90 * 2) as u8, (at / 90 * 2) as u8, 0]);
    }
    let mut group = group(ViewRole::Local, vec![Transform::CenterCrop { size: 90 }]);
    group.count = 5;
    group.patches = Some(PatchGrid {
        grid: 3,
        patch: 30,
        jitter: 6,
    });
    let plan = ViewPlan::new(&[group]).unwrap();
    assert!(plan.specs().iter().all(|s| s.size == 30));
    let mut cells_seen = std::collections::BTreeSet::new();
    for sample in 0..40 {
        let key = ViewKey {
            seed: 1,
            epoch: 0,
            sample,
            occurrence: 0,
        };
        let mut out = vec![vec![0.0; 3 * 900]; 5];
        let mut views: Vec<&mut [f32]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        plan.render(
            image.as_ref(),
            key,
            &mut RenderScratch::default(),
            &mut views,
        );
        let mut cells = std::collections::BTreeSet::new();
        for view in &out {
            let x = (view[0] * 127.5).round() as usize;
            let y = (view[900] * 127.5).round() as usize;
            // Cells start every (90 − 30 − 6)/2 = 27 pixels, jittered by 0 to 6.
            assert!(x % 27 <= 6 && y % 27 <= 6 && x <= 60 && y <= 60, "{x} {y}");
            assert!((view[29] * 127.5 - (x + 29) as f32).abs() < 0.01);
            assert!(cells.insert((x / 27, y / 27)), "the same cell twice");
        }
        cells_seen.extend(cells);
    }
    assert_eq!(cells_seen.len(), 9);
}

#[test]
fn plans_refuse_what_cannot_be_executed() {
    let refused = |transforms| {
        ViewPlan::new(&[group(ViewRole::Global, transforms)])
            .err()
            .unwrap()
            .to_string()
    };
    let flip = Transform::HorizontalFlip { p: 0.5 };
    assert!(refused(vec![flip.clone()]).contains("first"));
    assert!(refused(vec![crop(32, [0.5, 0.2])]).contains("area"));
    assert!(refused(vec![crop(32, [0.1, 1.0]), crop(32, [0.1, 1.0])]).contains("keep the size"));
    let resize = Transform::Resize {
        size: 20,
        interpolation: Interpolation::Bilinear,
    };
    let message = refused(vec![resize, Transform::CenterCrop { size: 32 }]);
    assert!(message.contains("at most 20"), "{message}");
}

/// Largest difference between the empirical distribution of `draws` and `cdf`.
fn kolmogorov_smirnov(mut draws: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    draws.sort_by(f64::total_cmp);
    let n = draws.len() as f64;
    draws
        .iter()
        .enumerate()
        .map(|(i, &x)| {
            let expected = cdf(x);
            (expected - i as f64 / n).max((i + 1) as f64 / n - expected)
        })
        .fold(0.0, f64::max)
}

#[test]
fn crops_have_uniform_areas_and_log_uniform_ratios() {
    // An area of at most half fits whatever the ratio, so no try is turned down and the parameters
    // keep the distribution they are drawn from.
    let mut stream = Stream::new(3, Domain::View, 0, 0, 0);
    let side = 4096;
    let crops: Vec<_> = (0..10_000)
        .map(|_| random_resized_crop(side, side, [0.08, 0.5], [0.75, 4.0 / 3.0], &mut stream))
        .collect();
    let area = |r: &ssl_datasets::views::resample::Rect| {
        (r.width * r.height) as f64 / (side * side) as f64
    };
    let ratio = |r: &ssl_datasets::views::resample::Rect| (r.width as f64 / r.height as f64).ln();
    // The 1 % point of the statistic for 10,000 draws.
    let limit = 1.63 / 100.0;
    let d = kolmogorov_smirnov(crops.iter().map(area).collect(), |x| (x - 0.08) / 0.42);
    assert!(d < limit, "area {d}");
    let span = (4.0_f64 / 3.0).ln() - 0.75_f64.ln();
    let d = kolmogorov_smirnov(crops.iter().map(ratio).collect(), |x| {
        (x - 0.75_f64.ln()) / span
    });
    assert!(d < limit, "ratio {d}");
    let place = |r: &ssl_datasets::views::resample::Rect| r.x as f64 / (side - r.width) as f64;
    let d = kolmogorov_smirnov(crops.iter().map(place).collect(), |x| x);
    assert!(d < limit, "place {d}");
}

#[test]
fn a_crop_that_never_fits_falls_back_to_the_centre() {
    let mut stream = Stream::new(3, Domain::View, 0, 0, 0);
    // 300 × 10: even the smallest area at the widest ratio is too tall.
    let rect = random_resized_crop(300, 10, [0.9, 1.0], [0.75, 4.0 / 3.0], &mut stream);
    assert_eq!((rect.x, rect.y, rect.width, rect.height), (143, 0, 13, 10));
}
