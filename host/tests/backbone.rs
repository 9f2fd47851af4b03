//! Backbones against torchvision's, on weights that both sides compute from a formula.
//!
//! `tests/peer/backbone.py` states the formula and wrote the expected outputs.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use ssl_host::backbone::{Backbone, BackboneConfig, BackboneError, ComputePrecision, Depth, Stem};
use ssl_host::tensorfile;
use ssl_plugin_api::description::{BatchNormMode, Level};
use std::collections::HashMap;
use std::path::Path;
use tch::{Device, Kind, Tensor, no_grad};

fn uniform(name: &str, count: usize) -> Vec<f64> {
    let digest = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (1..=count as u64)
        .map(|i| {
            let mut z = digest.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            (z >> 40) as f64 / f64::from(1 << 24)
        })
        .collect()
}

fn value(name: &str, shape: &[i64]) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    let weight = name.ends_with("weight");
    let values: Vec<f32> = uniform(name, count)
        .into_iter()
        .map(|u| {
            let v = if name.ends_with("running_mean") {
                0.2 * (u - 0.5)
            } else if name.ends_with("running_var") {
                0.5 + u
            } else if name.ends_with("bias") {
                u - 0.5
            } else if weight && shape.len() == 4 {
                (2.0 * u - 1.0) * (6.0 / (shape[0] * shape[2] * shape[3]) as f64).sqrt()
            } else if weight {
                0.1 + 0.2 * u
            } else {
                4.0 * u - 2.0
            };
            v as f32
        })
        .collect();
    Tensor::from_slice(&values).reshape(shape)
}

fn config(depth: Depth) -> BackboneConfig {
    BackboneConfig {
        depth,
        ..BackboneConfig::default()
    }
}

fn seeded(depth: Depth) -> Backbone {
    let mut backbone = Backbone::new(&config(depth), 0, Device::Cpu).unwrap();
    let tensors: Vec<(String, Tensor)> = backbone
        .tensors()
        .map(|n| (n.name.clone(), value(&n.name, &n.tensor.size())))
        .collect();
    backbone
        .import(tensors.iter().map(|(n, t)| (n.as_str(), t)))
        .unwrap();
    backbone
}

fn expected() -> HashMap<String, Tensor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/backbone.safetensors");
    tensorfile::read(&path).unwrap().into_iter().collect()
}

fn relative_error(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.size(), expected.size());
    let found = found.to_kind(Kind::Double);
    let expected = expected.to_kind(Kind::Double);
    ((&found - &expected).norm() / expected.norm()).double_value(&[])
}

const LEVELS: [Level; 5] = [
    Level::Layer1,
    Level::Layer2,
    Level::Layer3,
    Level::Layer4,
    Level::Pooled,
];

fn agrees_with_torchvision(depth: Depth, name: &str) {
    let expected = expected();
    let images = value("images", &[2, 3, 64, 64]);
    for (mode, mode_name) in [
        (BatchNormMode::Eval, "eval"),
        (BatchNormMode::Train, "train"),
    ] {
        let backbone = seeded(depth);
        let features = backbone.forward(&images, mode, &LEVELS).unwrap();
        let check = |what: &str, found: &Tensor| {
            let error = relative_error(found, &expected[&format!("{name}.{mode_name}.{what}")]);
            // Rounding may flip a ReLU whose input is next to 0, and with it a share of every gradient
            // below; in double precision both memory layouts agree to 1e-13.
            let tolerance = if what.starts_with("grad") { 2e-2 } else { 1e-5 };
            assert!(
                error < tolerance,
                "{name} {mode_name} {what}: relative error {error:e}"
            );
        };
        for level in &LEVELS[..4] {
            let mean = features
                .get(*level)
                .unwrap()
                .mean_dim([2_i64, 3].as_slice(), false, None);
            check(level.name(), &mean);
        }
        let pooled = features.get(Level::Pooled).unwrap();
        check("layer4", pooled);
        if mode == BatchNormMode::Train {
            for stat in [
                "bn1.running_mean",
                "bn1.running_var",
                "layer4.1.bn2.running_var",
            ] {
                let buffer = backbone.buffers().iter().find(|n| n.name == stat).unwrap();
                check(stat, &buffer.tensor);
            }
            (pooled * value("gradient", &pooled.size()))
                .sum(None)
                .backward();
            for parameter in ["bn1.weight", "layer2.0.downsample.1.bias"] {
                let named = backbone
                    .parameters()
                    .iter()
                    .find(|n| n.name == parameter)
                    .unwrap();
                check(&format!("grad.{parameter}"), &named.tensor.grad());
            }
        }
    }
}

#[test]
fn resnet50_matches_torchvision() {
    agrees_with_torchvision(Depth::Resnet50, "resnet50");
}

#[test]
fn resnet18_matches_torchvision() {
    agrees_with_torchvision(Depth::Resnet18, "resnet18");
}

/// A backbone of this width with values that every layer's output depends on.
fn lively(depth: Depth, stem: Stem, width: f64) -> Backbone {
    let config = BackboneConfig {
        depth,
        stem,
        width,
        zero_init_residual: false,
    };
    let backbone = Backbone::new(&config, 7, Device::Cpu).unwrap();
    no_grad(|| {
        for named in backbone.tensors() {
            if named.tensor.dim() == 1 {
                named
                    .tensor
                    .shallow_clone()
                    .copy_(&value(&named.name, &named.tensor.size()).abs());
            }
        }
    });
    backbone
}

/// The same network written down again in float64, layer by layer with plain strided convolutions:
/// pooled features in train mode and the gradient of every parameter.
fn in_float64(backbone: &Backbone, images: &Tensor, gradient: &Tensor) -> Vec<Tensor> {
    let leaves: HashMap<&str, Tensor> = backbone
        .parameters()
        .iter()
        .map(|n| {
            let leaf = n.tensor.detach().to_kind(Kind::Double);
            (n.name.as_str(), leaf.set_requires_grad(true))
        })
        .collect();
    let conv_norm = |x: &Tensor, conv: &str, norm: &str, stride: i64| {
        let weight = &leaves[format!("{conv}.weight").as_str()];
        let scale = Some(&leaves[format!("{norm}.weight").as_str()]);
        let offset = Some(&leaves[format!("{norm}.bias").as_str()]);
        let padding = weight.size()[2] / 2;
        x.conv2d::<Tensor>(weight, None, stride, padding, 1, 1)
            .batch_norm(scale, offset, None, None, true, 0.1, 1e-5, false)
    };
    let config = backbone.config();
    let imagenet = config.stem == Stem::Imagenet;
    let images = images.to_kind(Kind::Double);
    let mut x = conv_norm(&images, "conv1", "bn1", if imagenet { 2 } else { 1 }).relu();
    if imagenet {
        x = x.max_pool2d(3, 2, 1, 1, false);
    }
    let strided = if config.depth == Depth::Resnet50 {
        2
    } else {
        1
    };
    for (stage, blocks) in config.depth.blocks().into_iter().enumerate() {
        for block in 0..blocks {
            let name = format!("layer{}.{block}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let mut y = x.shallow_clone();
            for layer in 1.. {
                let conv = format!("{name}.conv{layer}");
                if !leaves.contains_key(format!("{conv}.weight").as_str()) {
                    break;
                }
                let y_in = if layer > 1 { y.relu() } else { y };
                let stride = if layer == strided { stride } else { 1 };
                y = conv_norm(&y_in, &conv, &format!("{name}.bn{layer}"), stride);
            }
            let conv = format!("{name}.downsample.0");
            if leaves.contains_key(format!("{conv}.weight").as_str()) {
                x = conv_norm(&x, &conv, &format!("{name}.downsample.1"), stride);
            }
            x = (y + x).relu();
        }
    }
    let pooled = x.mean_dim([2_i64, 3].as_slice(), false, None);
    let wanted: Vec<&Tensor> = backbone
        .parameters()
        .iter()
        .map(|n| &leaves[n.name.as_str()])
        .collect();
    let product = (&pooled * gradient).sum(Kind::Double);
    let mut all = Tensor::run_backward(&[product], &wanted, false, false);
    all.insert(0, pooled.detach());
    all
}

/// The same from the backbone itself.
fn as_computed(backbone: &Backbone, images: &Tensor, gradient: &Tensor) -> Vec<Tensor> {
    let features = backbone
        .forward(images, BatchNormMode::Train, &[Level::Pooled])
        .unwrap();
    let pooled = features.get(Level::Pooled).unwrap();
    let product = (pooled * gradient).sum(Kind::Double);
    let wanted: Vec<&Tensor> = backbone.parameters().iter().map(|n| &n.tensor).collect();
    let mut all = Tensor::run_backward(&[product], &wanted, false, false);
    all.insert(0, pooled.detach());
    all
}

/// Relative errors of the features, and of all gradients as one vector.
fn errors_of(found: &[Tensor], expected: &[Tensor]) -> (f64, f64) {
    let flat = |tensors: &[Tensor]| {
        let flat: Vec<Tensor> = tensors
            .iter()
            .map(|t| t.to_kind(Kind::Double).flatten(0, -1))
            .collect();
        Tensor::cat(&flat, 0)
    };
    let features = relative_error(&found[0], &expected[0]);
    (
        features,
        relative_error(&flat(&found[1..]), &flat(&expected[1..])),
    )
}

fn agrees_with_float64(depth: Depth, stem: Stem, width: f64, size: i64, batch: i64) {
    let backbone = lively(depth, stem, width);
    let images = value("images", &[batch, 3, size, size]);
    let gradient = value("gradient", &[batch, backbone.config().feature_dim()]);
    let found = as_computed(&backbone, &images, &gradient);
    let expected = in_float64(&backbone, &images, &gradient);
    let (features, gradients) = errors_of(&found, &expected);
    println!("{depth:?} {stem:?} {width} {size}: {features:.1e} {gradients:.1e}");
    // Rounding may flip a ReLU, as above.
    assert!(
        features < 1e-4,
        "{depth:?} {stem:?} {width} {size}: {features:e}"
    );
    assert!(
        gradients < 2e-2,
        "{depth:?} {stem:?} {width} {size}: {gradients:e}"
    );
}

#[test]
fn narrow_backbones_agree_with_float64() {
    agrees_with_float64(Depth::Resnet18, Stem::Cifar, 0.125, 32, 4);
    agrees_with_float64(Depth::Resnet18, Stem::Cifar, 0.125, 64, 2);
    agrees_with_float64(Depth::Resnet34, Stem::Imagenet, 0.125, 64, 4);
    agrees_with_float64(Depth::Resnet50, Stem::Cifar, 0.125, 32, 4);
    agrees_with_float64(Depth::Resnet18, Stem::Imagenet, 0.125, 224, 2);
}

#[test]
#[ignore = "some minutes"]
fn measure_all_backbones_against_float64() {
    for depth in [Depth::Resnet18, Depth::Resnet34, Depth::Resnet50] {
        for stem in [Stem::Cifar, Stem::Imagenet] {
            for width in [0.125, 0.25, 0.5, 1.0] {
                for size in [64, 224] {
                    if stem == Stem::Imagenet || size == 64 {
                        agrees_with_float64(depth, stem, width, size, 4);
                    }
                }
            }
        }
    }
}

#[test]
fn bfloat16_differs_from_single_precision_by_its_rounding() {
    for (depth, stem, size) in [
        (Depth::Resnet18, Stem::Cifar, 32),
        (Depth::Resnet50, Stem::Imagenet, 64),
    ] {
        let backbone = lively(depth, stem, 0.25);
        let images = value("images", &[4, 3, size, size]);
        let gradient = value("gradient", &[4, backbone.config().feature_dim()]);
        let single = as_computed(&backbone, &images, &gradient);
        let backbone = backbone.with_precision(ComputePrecision::Bf16);
        let half = as_computed(&backbone, &images, &gradient);
        assert!(half.iter().all(|t| t.kind() == Kind::Float));
        let (features, gradients) = errors_of(&half, &single);
        println!("{depth:?}: {features:.1e} {gradients:.1e}");
        // 2⁻⁹ at each of 20 and 53 layers.
        assert!((1e-4..3e-2).contains(&features), "{depth:?}: {features:e}");
        // With random weights and a batch of 4 every rounding moves every batch norm's statistics.
        assert!((1e-4..0.5).contains(&gradients), "{depth:?}: {gradients:e}");

        let maps = backbone
            .forward(&images, BatchNormMode::Eval, &LEVELS)
            .unwrap()
            .into_levels();
        assert!(maps.iter().all(|(_, map)| map.kind() == Kind::Float));
    }
}

#[test]
fn parameter_counts_match_torchvision_without_classifier() {
    for (depth, count, dim) in [
        (Depth::Resnet18, 11_176_512, 512),
        (Depth::Resnet34, 21_284_672, 512),
        (Depth::Resnet50, 23_508_032, 2048),
    ] {
        let backbone = Backbone::new(&config(depth), 0, Device::Cpu).unwrap();
        assert_eq!(backbone.parameter_count(), count, "{depth:?}");
        assert_eq!(backbone.config().feature_dim(), dim);
    }
}

fn small() -> BackboneConfig {
    BackboneConfig {
        depth: Depth::Resnet18,
        stem: Stem::Cifar,
        width: 0.25,
        zero_init_residual: false,
    }
}

#[test]
fn the_cifar_stem_keeps_the_size_and_the_width_scales_every_stage() {
    let backbone = Backbone::new(&small(), 1, Device::Cpu).unwrap();
    let images = value("images", &[3, 3, 32, 32]);
    let features = backbone
        .forward(&images, BatchNormMode::Train, &LEVELS)
        .unwrap();
    let shapes: Vec<_> = features
        .into_levels()
        .iter()
        .map(|(_, t)| t.size())
        .collect();
    let expected: [&[i64]; 5] = [
        &[3, 16, 32, 32],
        &[3, 32, 16, 16],
        &[3, 64, 8, 8],
        &[3, 128, 4, 4],
        &[3, 128],
    ];
    assert_eq!(shapes, expected);
    for (width, planes) in [
        (0.1, 8),
        (0.25, 16),
        (0.3, 16),
        (0.5, 32),
        (1.0, 64),
        (2.0, 128),
    ] {
        assert_eq!(
            BackboneConfig { width, ..small() }.planes()[0],
            planes,
            "{width}"
        );
    }
}

#[test]
fn the_seed_decides_the_start_and_zero_init_silences_the_residual_branches() {
    let weights = |seed| {
        let backbone = Backbone::new(&small(), seed, Device::Cpu).unwrap();
        backbone.parameters()[3].tensor.copy()
    };
    tch::manual_seed(1);
    let first = weights(5);
    tch::manual_seed(2);
    assert_eq!(first, weights(5));
    assert_ne!(first, weights(6));

    let silent = BackboneConfig {
        zero_init_residual: true,
        ..small()
    };
    let backbone = Backbone::new(&silent, 5, Device::Cpu).unwrap();
    let zero: Vec<&str> = backbone
        .parameters()
        .iter()
        .filter(|n| n.name.ends_with(".weight") && n.tensor.abs().max().double_value(&[]) == 0.0)
        .map(|n| n.name.as_str())
        .collect();
    assert_eq!(zero.len(), 8);
    assert!(zero.iter().all(|n| n.ends_with("bn2.weight")), "{zero:?}");
}

#[test]
fn momentum_update_changes_parameters_only() {
    let online = seeded(Depth::Resnet18);
    let mut target = online.frozen_copy().unwrap();
    no_grad(|| {
        let _ = online.parameters()[0]
            .tensor
            .shallow_clone()
            .g_add_scalar_(2.0);
        let _ = online.buffers()[0]
            .tensor
            .shallow_clone()
            .g_add_scalar_(2.0);
    });
    let before = target.parameters()[0].tensor.copy();
    let mean = target.buffers()[0].tensor.copy();
    target.follow(&online, 0.75).unwrap();
    let moved = &target.parameters()[0].tensor - &before;
    assert!((&moved - 0.5).abs().max().double_value(&[]) < 1e-6);
    assert_eq!(target.buffers()[0].tensor, mean);
    assert!(!target.parameters()[0].tensor.requires_grad());
}

#[test]
fn backbone_import_of_wrong_shapes_changes_nothing() {
    let mut backbone = Backbone::new(&small(), 1, Device::Cpu).unwrap();
    let before = backbone.parameters()[0].tensor.copy();
    let mut tensors: Vec<(String, Tensor)> = backbone
        .tensors()
        .map(|n| (n.name.clone(), n.tensor.ones_like()))
        .collect();
    tensors.push(("bn1.num_batches_tracked".to_owned(), Tensor::from(3_i64)));
    tensors.push(("fc.weight".to_owned(), Tensor::from(1.0_f32)));
    tensors.retain(|(n, _)| n != "layer1.0.conv1.weight");
    let place = tensors.iter().position(|(n, _)| n == "bn1.bias").unwrap();
    tensors[place].1 = Tensor::from_slice(&[1.0_f32, 2.0]);
    let error = backbone
        .import(tensors.iter().map(|(n, t)| (n.as_str(), t)))
        .unwrap_err();
    let BackboneError::Import(report) = error else {
        panic!("expected an import report, found {error:?}");
    };
    assert_eq!(report.missing, ["layer1.0.conv1.weight"]);
    assert_eq!(report.unexpected, ["fc.weight"]);
    assert_eq!(report.wrong_shape.len(), 1);
    assert_eq!(report.wrong_shape[0].expected, [16]);
    assert_eq!(report.wrong_shape[0].found, [2]);
    assert_eq!(backbone.parameters()[0].tensor, before);
}

#[test]
fn bad_images_are_refused_with_their_shape() {
    let backbone = Backbone::new(&small(), 1, Device::Cpu).unwrap();
    let grey = value("images", &[2, 1, 32, 32]);
    let error = backbone
        .features(&grey, BatchNormMode::Eval)
        .unwrap_err()
        .to_string();
    assert!(error.contains("[2, 1, 32, 32]"), "{error}");
    let one = value("images", &[1, 3, 8, 8]);
    assert!(matches!(
        backbone.features(&one, BatchNormMode::Train),
        Err(BackboneError::BatchTooSmall { size: 8 })
    ));
    assert!(backbone.features(&one, BatchNormMode::Eval).is_ok());
}
