//! Configurations that do not fit, and those at the ends of their ranges.

use crate::driver::{context, features, frameworks, plugin, start, step, values};
use serde_json::{Value, json};
use ssl_plugin_api::description::ValueKind;
use ssl_plugin_api::{FaultKind, RunContext, SingleProcess};
use std::sync::Arc;
use tch::Tensor;

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

#[test]
fn settings_beyond_single_precision_are_refused_by_name() {
    let cases = [
        ("simclr", "temperature", json!(1e-300)),
        ("simclr", "temperature", json!(1e300)),
        ("simclr", "projector_layers", json!(30)),
        ("moco", "temperature", json!(1e-30)),
        ("moco", "projector_layers", json!(9)),
        ("pcl", "temperature", json!(1e-30)),
        ("swav", "epsilon", json!(1e-30)),
        ("sela", "epsilon", json!(1e-30)),
        ("deepcluster", "temperature", json!(1e-30)),
        ("dino", "student_temp", json!(1e-30)),
        ("dino", "teacher_temp", json!(1e-30)),
        ("obow", "inv_delta", json!(1e30)),
        ("obow", "kappa", json!(1e30)),
        ("barlow", "lambda", json!(1e30)),
        ("barlow", "projector_dims", json!(vec![8; 9])),
        ("vicreg", "variance_eps", json!(2e-308)),
        ("vicreg", "sim_coeff", json!(1e30)),
        ("vicreg", "projector_dims", json!(vec![8; 9])),
    ];
    for (id, key, value) in cases {
        let fault = plugin(id)
            .describe(id, &json!({ key: value.clone() }))
            .expect_err(key);
        assert_eq!(fault.kind, FaultKind::Config, "{id}: {fault}");
        let start = format!("`{key}`: expected ");
        assert!(fault.message.starts_with(&start), "{id}: {fault}");
    }
}

/// The ends of a range of numbers; a range without an end has none.
fn ends(kind: &ValueKind) -> Vec<Value> {
    match kind {
        ValueKind::Float { min, max, above } => {
            let least = if *above {
                f64::MIN_POSITIVE.max(*min)
            } else {
                *min
            };
            let ends = [least, *max];
            ends.into_iter()
                .filter(|end| *end < f64::MAX)
                .map(Value::from)
                .collect()
        }
        ValueKind::Int { min, max } if *max <= 64 => vec![json!(min), json!(max)],
        ValueKind::List { of, max_len, .. }
            if *max_len == 8 && matches!(**of, ValueKind::Int { .. }) =>
        {
            vec![json!([4]), json!(vec![4; *max_len])]
        }
        ValueKind::Optional { of } => ends(of),
        ValueKind::Any { of } => of.iter().flat_map(ends).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn gradients_are_finite_at_the_ends_of_every_range() {
    let batches: [fn(&Tensor) -> Tensor; 4] = [
        Tensor::copy,
        |it| it.ones_like(),
        |it| it.zeros_like(),
        |it| it * 1e4,
    ];
    let mut tried = 0;
    for (id, config, _) in frameworks() {
        let plugin = plugin(id);
        let keys = plugin.frameworks()[0].schema.keys.clone();
        for (key, end) in keys
            .iter()
            .flat_map(|key| ends(&key.kind).into_iter().map(move |end| (key, end)))
        {
            let mut config = config.clone();
            config[&key.key] = end.clone();
            for spoil in &batches {
                let Ok(mut instance) = start(&plugin, id, &config) else {
                    continue;
                };
                let mut list = features(&plugin, id, &config);
                for (.., tensor) in &mut list {
                    *tensor = spoil(tensor);
                }
                let Ok(output) = step(&mut instance, &list) else {
                    continue;
                };
                tried += 1;
                let grads = output.feature_grads.into_iter().chain(output.param_grads);
                for grad in grads.flatten() {
                    let finite = values(grad).isfinite().all().int64_value(&[]) == 1;
                    assert!(finite, "{id}: {} = {end}", key.key);
                }
            }
        }
    }
    assert!(tried > 100, "{tried} steps were done");
}
