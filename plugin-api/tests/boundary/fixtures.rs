//! Fixture libraries, found beside the test executable whatever the profile.

use serde_json::Value;
use ssl_plugin_api::description::Level;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{FeatureDim, RunContext, SingleProcess, TrainStep};
use std::path::PathBuf;
use std::sync::Arc;

pub fn library(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a path");
    exe.with_file_name(format!("lib{name}.so"))
}

pub fn context() -> RunContext {
    RunContext {
        features: vec![FeatureDim {
            level: Level::Pooled,
            dim: 3,
        }],
        samples: 8,
        batch_size: 2,
        steps_per_epoch: 4,
        epochs: 1,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed: 0,
    }
}

pub fn at() -> TrainStep {
    TrainStep {
        epoch: 0,
        epochs: 1,
        step: 0,
        steps_per_epoch: 4,
        seed: 0,
    }
}

pub fn echo(config: &Value) -> Result<Instance, ssl_plugin_api::Fault> {
    let plugin = Plugin::open(&library("fixture_echo")).expect("the fixture loads");
    plugin.create("echo", config, &context(), Arc::new(SingleProcess))
}
