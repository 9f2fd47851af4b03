//! What a mistake of a plugin's author looks like: one line that names the author's line, in a library
//! without debug information.

use ssl_plugin_api::description::{Encoder, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{
    Fault, FaultKind, Feature, FeatureDim, FfiTensor, RunContext, SingleProcess, StepInput,
    TrainStep,
};
use std::sync::Arc;

const FILE: &str = "tests/fixtures/mistaken/src/lib.rs";

/// `FILE:LINE` of the line that contains this text.
fn place(text: &str) -> String {
    let source = include_str!("../fixtures/mistaken/src/lib.rs");
    let line = source.lines().position(|line| line.contains(text));
    format!("{FILE}:{}", line.expect("the fixture has the line") + 1)
}

fn start(mistake: &str) -> Instance {
    let exe = std::env::current_exe().expect("a test has a path");
    let library = exe.with_file_name("libfixture_mistaken.so");
    let plugin = Plugin::open(&library).expect("the fixture loads");
    let context = RunContext {
        features: vec![FeatureDim {
            level: Level::Pooled,
            dim: 2,
        }],
        samples: 4,
        batch_size: 4,
        steps_per_epoch: 1,
        epochs: 1,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed: 1,
    };
    let config = serde_json::json!({ "mistake": mistake });
    plugin
        .create("mistaken", &config, &context, Arc::new(SingleProcess))
        .expect("the fixture starts")
}

fn step(mistake: &str) -> Result<f64, Fault> {
    let at = TrainStep {
        epoch: 0,
        epochs: 1,
        step: 0,
        steps_per_epoch: 1,
        seed: 1,
    };
    let feature = Feature {
        encoder: Encoder::Online,
        view: 0,
        level: Level::Pooled,
        tensor: FfiTensor::from_vec(&[4, 2], vec![0.5_f32; 8]),
    };
    let input = StepInput {
        at,
        indices: FfiTensor::from_vec(&[4], vec![0_i64, 1, 2, 3]),
        features: vec![feature],
    };
    start(mistake).step(input).map(|output| output.loss)
}

fn message(mistake: &str) -> String {
    let fault = step(mistake).expect_err("a mistake");
    assert_eq!(fault.kind, FaultKind::Panic, "{fault}");
    assert!(!fault.message.contains('\n'), "{fault}");
    fault.message
}

#[test]
fn the_fixture_works_without_a_mistake() {
    assert!(step("none").expect("no fault").is_finite());
}

#[test]
fn an_exception_inside_a_block_names_the_line_that_called_the_block() {
    let message = message("block");
    let called = format!(
        ", called from {} (tch-",
        place("cross_entropy(logits, seventh)")
    );
    assert!(
        message.starts_with("panicked in step: libtorch: index 7"),
        "{message}"
    );
    assert!(message.contains(&called), "{message}");
}

#[test]
fn an_exception_in_an_operation_on_tensors_names_the_line_of_the_block_before_it() {
    let message = message("tensor");
    let after = format!(", after the call at {} (tch-", place("self.layer.forward"));
    assert!(message.contains(&after), "{message}");
}

#[test]
fn a_panic_of_the_authors_own_names_its_line_alone() {
    let expected = format!(
        "panicked in step: there is no class 7 ({})",
        place("panic!")
    );
    assert_eq!(message("own"), expected);
}
