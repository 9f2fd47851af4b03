//! Plugins of other versions that load: shorter tables lack features, longer ones have members that
//! are passed over.

use crate::compiled::frozen;
use crate::fixtures::{at, context};
use serde_json::json;
use ssl_plugin_api::description::{Encoder, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{Fault, FaultKind, Feature, FfiTensor, SingleProcess, StepInput, StepOutput};
use std::sync::Arc;
use tempfile::TempDir;

/// The frozen plugin under these flags; the folder must outlive nothing, for the library is mapped.
fn plugin(flags: &[&str]) -> (TempDir, Plugin) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plugin = Plugin::open(&frozen(folder.path(), flags)).expect("the plugin loads");
    (folder, plugin)
}

fn start(flags: &[&str]) -> Result<Instance, Fault> {
    let (_folder, plugin) = plugin(flags);
    plugin.create("frozen", &json!({}), &context(), Arc::new(SingleProcess))
}

fn step(instance: &mut Instance) -> Result<StepOutput, Fault> {
    instance.step(StepInput {
        at: at(),
        indices: FfiTensor::from_vec(&[2], vec![0_i64, 1]),
        features: vec![Feature {
            encoder: Encoder::Online,
            view: 0,
            level: Level::Pooled,
            tensor: FfiTensor::from_vec(&[2, 3], vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]),
        }],
    })
}

#[test]
fn plugins_of_every_minor_version_are_described_and_step() {
    for flags in [&[][..], &["SHORT"], &["LONG"]] {
        let (_folder, plugin) = plugin(flags);
        let description = plugin
            .describe("frozen", &json!({}))
            .expect("a description");
        assert_eq!(description.view_count(), 1, "{flags:?}");
        let mut instance = start(flags).expect("an instance");
        let output = step(&mut instance).expect("a step");
        assert_eq!(output.loss, 0.25, "{flags:?}");
        let grad = output.feature_grads[0].as_ref().expect("a gradient");
        let values = grad.as_slice::<f32>().expect("dense f32");
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{flags:?}");
    }
}

#[test]
fn functions_beyond_a_shorter_table_are_features_that_it_does_not_have() {
    let mut instance = start(&["SHORT"]).expect("an instance");
    assert!(instance.state().expect("no state").is_empty());
    assert_eq!(instance.due(&at()).expect("no pass"), None);
    let plan = instance.begin_epoch(&at()).expect("no plan");
    assert!(plan.order.is_none() && plan.reset_optimizer.is_empty());
    instance
        .after_update(&at(), Some(0.9))
        .expect("nothing to do");
    instance
        .load(Vec::new(), Vec::new())
        .expect("nothing to take over");
    let fault = instance.cluster(&at(), Vec::new()).expect_err("refused");
    assert_eq!(
        fault,
        Fault::unsupported("expected a plugin with `cluster`, found one without it")
    );
    let fault = instance.begin_pass(&at(), "x", 1).expect_err("refused");
    assert_eq!(fault.kind, FaultKind::Unsupported);
    let given = vec![ssl_plugin_api::NamedTensor {
        name: "w".to_owned(),
        tensor: FfiTensor::from_vec(&[1], vec![0.0_f32]),
    }];
    let fault = instance.load(given, Vec::new()).expect_err("refused");
    assert_eq!(
        fault,
        Fault::unsupported("expected a plugin with `load`, found one without it")
    );
}

#[test]
fn an_instance_without_a_required_function_is_refused_by_its_name() {
    let fault = start(&["MISSING"]).err().expect("refused");
    assert_eq!(
        fault,
        Fault::internal("expected `step` in the instance's table, found none")
    );
}

#[test]
fn a_capability_that_a_description_asks_for_is_refused_by_name() {
    let (_folder, plugin) = plugin(&["REQUIRES=telepathy", "IN_DESCRIBE"]);
    let fault = plugin.describe("frozen", &json!({})).expect_err("refused");
    assert_eq!(fault.kind, FaultKind::Unsupported);
    let end = "], found `telepathy` in the description of frozen";
    assert!(fault.message.ends_with(end), "{fault}");
}

#[test]
fn patches_of_the_hosts_libtorch_are_taken() {
    for version in ["2.9.0", "2.9.1+cpu", "2.9"] {
        plugin(&[&format!("LIBTORCH={version}")]);
    }
}

#[test]
fn a_gradient_without_strides_is_dense() {
    let mut instance = start(&["NO_STRIDES"]).expect("an instance");
    let output = step(&mut instance).expect("a step");
    let grad = output.feature_grads[0].as_ref().expect("a gradient");
    assert_eq!(grad.strides(), [3, 1]);
    assert_eq!(grad.as_slice::<f32>().expect("dense")[5], 6.0);
}

#[test]
fn a_gradient_without_a_deleter_is_refused() {
    let mut instance = start(&["LENT"]).expect("an instance");
    let fault = step(&mut instance).expect_err("refused");
    assert_eq!(
        fault,
        Fault::shape(
            "expected a tensor that is handed over with its memory, found one without a deleter"
        )
    );
}

#[test]
fn a_fault_without_a_message_says_so() {
    let mut instance = start(&["SILENT"]).expect("an instance");
    let fault = step(&mut instance).expect_err("a fault");
    assert_eq!(
        fault,
        Fault::unsupported("a fault of kind 5 without a message")
    );
}
