//! What the plugins say that their authors report, against the study and its benchmark file.

#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use ssl_host::config::Benchmark;
use ssl_plugin_api::description::Published;
use ssl_plugin_api::foreign::Plugin;
use ssl_report::input::Study;
use std::collections::BTreeMap;
use std::path::Path;

const STUDY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bench/study.toml");

/// The published numbers of a framework under a configuration.
fn published(id: &str, config: Value) -> Vec<Published> {
    let exe = std::env::current_exe().unwrap();
    let library = exe.with_file_name(format!("libssl_{id}.so"));
    let plugin = Plugin::open(&library).unwrap();
    plugin.describe(id, &config).unwrap().published
}

#[test]
fn every_row_of_the_studys_benchmark_names_a_published_backbone() {
    let (bench, _) = Benchmark::load(Path::new(STUDY), &[]).unwrap();
    assert_eq!(bench.checkpoint.len(), 17);
    for entry in &bench.checkpoint {
        let known = published(&entry.framework, Value::Object(entry.config.clone()));
        let wanted = entry.published.as_deref().unwrap();
        let own = known.iter().filter(|it| it.checkpoint == wanted);
        assert!(
            own.count() > 0,
            "{}: {wanted} is not in {known:?}",
            entry.row()
        );
    }
}

#[test]
fn the_built_in_study_is_compared_with_the_plugins_numbers() {
    let ids = BTreeMap::from([
        ("DINO", "dino"),
        ("Swav", "swav"),
        ("MoCo", "moco"),
        ("Barlow", "barlow"),
        ("VicReg", "vicreg"),
        ("BYOL", "byol"),
        ("OBoW", "obow"),
        ("DeepC", "deepcluster"),
        ("SimSiam", "simsiam"),
        ("SimCLR", "simclr"),
        ("PCL", "pcl"),
        ("SeLa", "sela"),
    ]);
    let input = Study::Ozbulak2024.load(false).unwrap();
    assert_eq!(input.verification.len(), ids.len());
    for it in &input.verification {
        let config = match it.framework.as_str() {
            "MoCo" => json!({ "version": "v3" }),
            _ => json!({}),
        };
        let expected = Published::linear(&it.checkpoint, it.published, &it.source);
        let known = published(ids[it.framework.as_str()], config);
        assert!(
            known.contains(&expected),
            "{expected:?} is not in {known:?}"
        );
    }
}
