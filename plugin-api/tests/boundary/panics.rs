//! A panic in any callback comes back as a fault that names the call; nothing unwinds across.

use crate::fixtures::{at, echo};
use fixture_echo::misbehaving;
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::Instance;
use ssl_plugin_api::{Fault, FaultKind, FfiTensor, StepInput};

fn call(instance: &mut Instance, name: &str) -> Result<(), Fault> {
    match name {
        "parameters" => instance.parameters().map(drop),
        "state" => instance.state().map(drop),
        "load" => instance.load(Vec::new(), Vec::new()),
        "begin_epoch" => instance.begin_epoch(&at()).map(drop),
        "step" => instance
            .step(StepInput {
                at: at(),
                indices: FfiTensor::from_vec(&[1], vec![0_i64]),
                features: Vec::new(),
            })
            .map(drop),
        "after_update" => instance.after_update(&at(), None),
        other => panic!("no call named {other}"),
    }
}

#[test]
fn every_callback_contains_its_panic() {
    for name in [
        "parameters",
        "state",
        "load",
        "begin_epoch",
        "step",
        "after_update",
    ] {
        let mut instance = echo(&misbehaving(name, "panic")).expect("echo starts");
        let fault = call(&mut instance, name).expect_err(name);
        assert_eq!(fault.kind, FaultKind::Panic, "{name}: {fault}");
        assert!(
            fault.message.contains(&format!("asked to panic in {name}")),
            "{fault}"
        );
    }
}

#[test]
fn creation_contains_its_panic() {
    let fault = echo(&misbehaving("create", "panic"))
        .err()
        .expect("refused");
    assert_eq!(fault.kind, FaultKind::Panic);
}

#[test]
fn release_contains_its_panic() {
    drop(echo(&misbehaving("release", "panic")).expect("echo starts"));
}

#[test]
fn errors_keep_kind_and_message() {
    let mut instance = echo(&misbehaving("step", "error")).expect("echo starts");
    let fault = call(&mut instance, "step").expect_err("an error");
    assert_eq!(fault, Fault::internal("asked to fail in step"));
}
