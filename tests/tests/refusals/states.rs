//! Checkpoints that do not fit.

use crate::driver::{file, frameworks, load, plugin, start};
use serde_json::{Value, json};
use ssl_plugin_api::FaultKind;
use ssl_plugin_api::foreign::Instance;
use tch::Kind;

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

/// The twelve, and the clusterings that share an id with another.
fn with_clusterings() -> Vec<(&'static str, Value)> {
    let v1 = |more: Value| {
        let mut config = json!({ "version": "v1", "num_clusters": 3 });
        config
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        config
    };
    let twelve = frameworks().into_iter().map(|(id, config, _)| (id, config));
    twelve
        .chain([
            ("deepcluster", v1(json!({}))),
            ("sela", v1(json!({ "num_heads": 2 }))),
        ])
        .collect()
}

#[test]
fn a_whole_number_that_is_no_place_or_label_is_refused_and_changes_nothing() {
    let mut refused = Vec::new();
    for (id, config) in with_clusterings() {
        let mut instance = start(&plugin(id), id, &config).expect("the framework starts");
        let before = file(&mut instance);
        let ints = before[1].iter().enumerate();
        let ints: Vec<usize> = ints
            .filter_map(|(n, (_, tensor))| (tensor.kind() == Kind::Int64).then_some(n))
            .collect();
        for (place, number) in ints
            .iter()
            .flat_map(|&n| [(n, i64::from(i32::MAX)), (n, -7)])
        {
            let damaged = file(&mut instance);
            let (name, tensor) = &damaged[1][place];
            let last = tensor.numel() as i64 - 1;
            let _ = tensor.flatten(0, -1).narrow(0, last, 1).fill_(number);
            let fault = load(&mut instance, &damaged).expect_err(id);
            assert_eq!(fault.kind, FaultKind::State, "{id}: {fault}");
            let message = &fault.message;
            assert!(
                message.starts_with(&format!("{name}: expected whole numbers in "))
                    && message.ends_with(&format!(", found {number}")),
                "{id}: {message}"
            );
            let after = file(&mut instance);
            for (old, new) in before.iter().flatten().zip(after.iter().flatten()) {
                assert!(old.0 == new.0 && old.1.equal(&new.1), "{id}: {}", old.0);
            }
            refused.push(format!("{id}.{name}"));
        }
    }
    refused.dedup();
    assert_eq!(
        refused,
        [
            "deepcluster.assignments",
            "deepcluster.memory_index",
            "moco.queue_ptr",
            "obow.vocabulary_ptr.layer4",
            "pcl.queue_ptr",
            "sela.assignments",
            "sela.memory_index",
            "deepcluster.assignments",
            "sela.assignments",
        ]
    );
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
