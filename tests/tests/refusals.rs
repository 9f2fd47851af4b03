//! What every plugin refuses before it trains: inputs and states that do not fit, named.

use serde_json::{Value, json};
use ssl_plugin_api::description::{Encoder, FeatureKey, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{
    Fault, FaultKind, Feature, FeatureDim, FfiTensor, NamedTensor, RunContext, SingleProcess,
    StepInput, StepOutput, TrainStep,
};
use ssl_plugin_tensor::{export, export_read_only, import};
use std::sync::Arc;
use tch::{Kind, Tensor};

const BATCH: i64 = 8;
const DIM: i64 = 6;

/// All twelve, each with a small configuration and one with other shapes. No two have tensors of the
/// same names and shapes, but for PCL before its first clusters and MoCo v2.
fn frameworks() -> Vec<(&'static str, Value, Value)> {
    let widths = |a: usize, b: usize| json!({ "projector_hidden_dim": a, "projector_dim": b });
    let with = |mut base: Value, more: Value| {
        for (key, value) in more.as_object().into_iter().flatten() {
            base[key] = value.clone();
        }
        base
    };
    let both = |id, base: Value, other: Value| (id, base.clone(), with(base, other));
    vec![
        both(
            "barlow",
            json!({ "projector_dims": [9, 5] }),
            json!({ "projector_dims": [9, 4] }),
        ),
        both(
            "byol",
            with(widths(7, 5), json!({ "predictor_hidden_dim": 4 })),
            widths(9, 5),
        ),
        both(
            "deepcluster",
            with(widths(7, 5), json!({ "num_prototypes": [3, 4] })),
            json!({ "num_prototypes": [3, 5] }),
        ),
        both(
            "dino",
            json!({
                "out_dim": 9, "projector_hidden_dim": 7, "bottleneck_dim": 5, "num_local_crops": 1,
            }),
            json!({ "out_dim": 10 }),
        ),
        both(
            "moco",
            with(widths(7, 5), json!({ "queue_size": 16 })),
            json!({ "queue_size": 24 }),
        ),
        both(
            "obow",
            json!({ "bow_levels": ["layer4"], "num_crops": [2], "num_words": 16 }),
            json!({ "num_words": 24 }),
        ),
        both(
            "pcl",
            with(
                widths(7, 5),
                json!({ "queue_size": 16, "num_clusters": [3], "warmup_epochs": 2 }),
            ),
            json!({ "projector_hidden_dim": 8 }),
        ),
        both(
            "sela",
            with(widths(7, 5), json!({ "num_prototypes": [3, 4] })),
            json!({ "num_prototypes": [3] }),
        ),
        both("simclr", widths(7, 5), json!({ "projector_layers": 1 })),
        both(
            "simsiam",
            json!({ "projector_dim": 5, "predictor_hidden_dim": 4 }),
            json!({ "predictor_hidden_dim": 3 }),
        ),
        both(
            "swav",
            with(widths(7, 5), json!({ "num_prototypes": 4 })),
            widths(7, 6),
        ),
        both(
            "vicreg",
            json!({ "projector_dims": [8, 5] }),
            json!({ "projector_dims": [8, 4] }),
        ),
    ]
}

fn plugin(id: &str) -> Plugin {
    let exe = std::env::current_exe().expect("a test has a path");
    Plugin::open(&exe.with_file_name(format!("libssl_{id}.so"))).expect("the library loads")
}

fn context() -> RunContext {
    let levels = [(Level::Pooled, DIM), (Level::Layer3, 4), (Level::Layer4, 5)];
    RunContext {
        features: levels
            .map(|(level, dim)| FeatureDim {
                level,
                dim: dim as usize,
            })
            .into(),
        samples: 64,
        batch_size: BATCH as usize,
        steps_per_epoch: 8,
        epochs: 10,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed: 3,
    }
}

fn start(plugin: &Plugin, id: &str, config: &Value) -> Result<Instance, Fault> {
    plugin.create(id, config, &context(), Arc::new(SingleProcess))
}

/// The features that the framework asks for, with names.
fn features(
    plugin: &Plugin,
    id: &str,
    config: &Value,
) -> Vec<(String, Encoder, usize, Level, Tensor)> {
    tch::manual_seed(5);
    let description = plugin
        .describe(id, config)
        .expect("the configuration is sound");
    let mut list = Vec::new();
    for request in &description.encoders {
        for (&view, &level) in request
            .views
            .iter()
            .flat_map(|v| request.levels.iter().map(move |l| (v, l)))
        {
            let key = FeatureKey {
                encoder: request.encoder,
                view,
                level,
            };
            let (name, size) = match level {
                Level::Pooled => (key.to_string(), vec![BATCH, DIM]),
                _ => (key.to_string(), vec![BATCH, 5, 6, 5]),
            };
            let tensor = Tensor::randn(size, (Kind::Float, tch::Device::Cpu));
            list.push((name, request.encoder, view, level, tensor));
        }
    }
    list
}

fn step(
    instance: &mut Instance,
    features: &[(String, Encoder, usize, Level, Tensor)],
) -> Result<StepOutput, Fault> {
    let samples = Tensor::arange(BATCH, (Kind::Int64, tch::Device::Cpu));
    let at = TrainStep {
        epoch: 0,
        epochs: 10,
        step: 0,
        steps_per_epoch: 8,
        seed: 3,
    };
    instance.step(StepInput {
        at,
        indices: export_read_only(&samples)?,
        features: features
            .iter()
            .map(|(_, encoder, view, level, tensor)| {
                Ok(Feature {
                    encoder: *encoder,
                    view: *view,
                    level: *level,
                    tensor: export_read_only(tensor)?,
                })
            })
            .collect::<Result<_, Fault>>()?,
    })
}

fn values(tensor: FfiTensor) -> Tensor {
    import(tensor).expect("the tensor crosses").copy()
}

/// Parameters and state, as a file would hold them.
fn file(instance: &mut Instance) -> [Vec<(String, Tensor)>; 2] {
    let copies = |list: Vec<NamedTensor>| {
        let named = list.into_iter().map(|n| (n.name, values(n.tensor)));
        named.collect()
    };
    [
        copies(instance.parameters().expect("parameters can be read")),
        copies(instance.state().expect("the state can be read")),
    ]
}

fn load(instance: &mut Instance, file: &[Vec<(String, Tensor)>; 2]) -> Result<(), Fault> {
    let named = |list: &Vec<(String, Tensor)>| -> Result<Vec<NamedTensor>, Fault> {
        list.iter()
            .map(|(name, tensor)| {
                Ok(NamedTensor {
                    name: name.clone(),
                    tensor: export(tensor)?,
                })
            })
            .collect()
    };
    instance.load(named(&file[0])?, named(&file[1])?)
}

#[test]
fn a_row_that_is_not_a_number_is_named() {
    for (id, config, _) in frameworks() {
        let plugin = plugin(id);
        for spoilt in 0..features(&plugin, id, &config).len() {
            let list = features(&plugin, id, &config);
            let (name, .., tensor) = &list[spoilt];
            let _ = tensor.get(5).flatten(0, -1).get(3).fill_(f64::NAN);
            let mut instance = start(&plugin, id, &config).expect("the framework starts");
            let Err(fault) = step(&mut instance, &list) else {
                panic!("{id}: NaN is refused");
            };
            assert_eq!(
                fault.message,
                format!("{name}: expected finite features, found NaN or infinity in row 5"),
                "{id}"
            );
        }
    }
}

#[test]
fn features_of_another_type_or_without_channels_are_named() {
    type Spoil = fn(&Tensor) -> Tensor;
    let cases: [(Spoil, &str); 5] = [
        (|it| it.to_kind(Kind::Double), "expected f32, found f64"),
        (|it| it.to_kind(Kind::Half), "expected f32, found f16"),
        (
            |it| it.narrow(1, 0, 0),
            "expected at least one channel and one place, found [8, 0",
        ),
        (
            |it| it.narrow(1, 0, 4),
            "channels, as the run was created with, found 4",
        ),
        (
            |it| it.flatten(0, -1),
            "dimensions, the first of 8, found [",
        ),
    ];
    for (id, config, _) in frameworks() {
        let plugin = plugin(id);
        for spoilt in 0..features(&plugin, id, &config).len() {
            for (spoil, words) in &cases {
                let mut list = features(&plugin, id, &config);
                let (name, .., tensor) = &mut list[spoilt];
                *tensor = spoil(tensor);
                let name = format!("{name}: expected ");
                let mut instance = start(&plugin, id, &config).expect("the framework starts");
                let Err(fault) = step(&mut instance, &list) else {
                    panic!("{id}: {name} {words}");
                };
                assert_eq!(fault.kind, FaultKind::Shape, "{id}: {fault}");
                let message = &fault.message;
                assert!(
                    message.starts_with(&name) && message.contains(words),
                    "{id}: {message}"
                );
            }
        }
    }
}

#[test]
fn a_view_that_is_missing_is_named() {
    for (id, config, _) in frameworks() {
        let plugin = plugin(id);
        let full = features(&plugin, id, &config);
        let mut instance = start(&plugin, id, &config).expect("the framework starts");
        assert!(step(&mut instance, &full).is_ok(), "{id}");
        for missing in 0..full.len() {
            let mut list = features(&plugin, id, &config);
            let (name, ..) = list.remove(missing);
            let mut instance = start(&plugin, id, &config).expect("the framework starts");
            let Err(fault) = step(&mut instance, &list) else {
                panic!("{id}: too few views are refused");
            };
            assert_eq!(
                fault.message,
                format!("expected {name} among the features, found none"),
                "{id}"
            );
        }
    }
}

#[test]
fn a_file_of_another_framework_is_refused_and_changes_nothing() {
    let started: Vec<(&str, Instance)> = frameworks()
        .iter()
        .map(|(id, config, _)| {
            (
                *id,
                start(&plugin(id), id, config).expect("the framework starts"),
            )
        })
        .collect();
    let mut files: Vec<_> = started
        .into_iter()
        .map(|(id, mut i)| (id, file(&mut i)))
        .collect();
    for (_, file) in &mut files {
        for (_, tensor) in file.iter_mut().flatten() {
            let _ = tensor.fill_(1.0);
        }
    }
    for (id, config, _) in frameworks() {
        let mut instance = start(&plugin(id), id, &config).expect("the framework starts");
        let before = file(&mut instance);
        for (other, file_of_other) in &files {
            // PCL without clusters keeps what MoCo v2 keeps; what names a run tells them apart.
            let same = [id, *other].iter().all(|id| ["moco", "pcl"].contains(id));
            if *other == id || same {
                continue;
            }
            let fault = load(&mut instance, file_of_other);
            let message = fault.expect_err(other).message;
            assert!(message.contains("expected"), "{id} from {other}: {message}");
            let after = file(&mut instance);
            for (old, new) in before.iter().flatten().zip(after.iter().flatten()) {
                assert!(
                    old.0 == new.0 && old.1.equal(&new.1),
                    "{id} from {other}: {}",
                    old.0
                );
            }
        }
    }
}

#[test]
fn a_file_of_another_configuration_is_refused() {
    for (id, config, other) in frameworks() {
        let plugin = plugin(id);
        let mut one = start(&plugin, id, &config).expect("the framework starts");
        let mut two = start(&plugin, id, &other).expect("the framework starts");
        // Both ways: a smaller file is refused by its shapes, a larger one by its names too.
        let refused = [
            load(&mut two, &file(&mut one)),
            load(&mut one, &file(&mut two)),
        ];
        for fault in refused {
            let message = fault.expect_err(id).message;
            assert!(
                message.contains("of shape") || message.contains("names of this framework"),
                "{id}: {message}"
            );
        }
        let own = file(&mut one);
        assert!(load(&mut one, &own).is_ok());
    }
}

#[test]
fn configurations_that_do_not_fit_name_key_value_and_rule() {
    let refusal = |id: &str, config: Value| {
        let fault = start(&plugin(id), id, &config).err();
        fault.expect("the configuration is refused").message
    };
    let cases = [
        (
            "moco",
            json!({ "queue_size": 20 }),
            "`queue_size`: expected a multiple of the global batch of 8, found 20",
        ),
        (
            "pcl",
            json!({ "queue_size": 20, "num_clusters": [3] }),
            "`queue_size`: expected a multiple of the global batch of 8, found 20",
        ),
        (
            "obow",
            json!({ "num_words": 20 }),
            "`num_words`: expected a multiple of the global batch of 8, found 20",
        ),
        (
            "swav",
            json!({ "queue_size": 7 }),
            "`queue_size`: expected 0 or at least the global batch of 8, found 7",
        ),
        (
            "deepcluster",
            json!({ "num_prototypes": [3, 65] }),
            "`num_prototypes`: expected at most the 64 images of an epoch, found 65",
        ),
        (
            "sela",
            json!({ "num_prototypes": [65] }),
            "`num_prototypes`: expected at most the 64 training images, found 65",
        ),
        (
            "pcl",
            json!({ "warmup_epochs": 1, "num_clusters": [65] }),
            "`num_clusters`: expected at most as many clusters as there are samples, 64, found 65",
        ),
        (
            "swav",
            json!({ "num_crops": [1] }),
            "`num_crops`: expected at least 2 crops, found 1",
        ),
        (
            "sela",
            json!({ "num_crops": [1] }),
            "`num_crops`: expected at least 2 crops, found 1",
        ),
        (
            "obow",
            json!({ "num_crops": [1, 10] }),
            "`num_crops`: expected at most 9 patches, found 10",
        ),
        (
            "deepcluster",
            json!({ "crops_for_assign": [0, 2] }),
            "`crops_for_assign`: expected crops below the 2 of `num_crops`, found 2",
        ),
        (
            "dino",
            json!({ "num_local_crops": -1 }),
            "`num_local_crops`: expected a whole number in 0..=64, found -1",
        ),
    ];
    for (id, config, message) in cases {
        assert_eq!(refusal(id, config), message, "{id}");
    }
}

#[test]
fn a_libtorch_exception_is_one_line_with_the_call_and_without_frames() {
    // A memory of every sample that is larger than any machine's: libtorch's allocator throws.
    let (id, config, _) = &frameworks()[2];
    let context = RunContext {
        samples: 1_000_000_000_000,
        ..context()
    };
    let created = plugin(id).create(id, config, &context, Arc::new(SingleProcess));
    let fault = created.err().expect("terabytes are refused");
    assert_eq!(fault.kind, FaultKind::Panic, "{fault}");
    let message = &fault.message;
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(
        message.starts_with("panicked in create: libtorch: "),
        "{message}"
    );
    assert!(message.contains("can't allocate memory"), "{message}");
    for words in ["frame #", "Exception raised", "Result::unwrap"] {
        assert!(!message.contains(words), "{message}");
    }
}
