//! One cell's fault never keeps another from its result.

use crate::bench::Place;

/// Lets the fixture go wrong and checks what is recorded of it; the other cell must be done.
fn misbehave(call: &str, how: &str, more: &[&str], kind: &str, words: &str) {
    let place = Place::new();
    let set = [
        &format!("framework.echo.config.fault={call}") as &str,
        &format!("framework.echo.config.how=\"{how}\""),
    ];
    let ended = place.run(&[&set, more].concat());
    assert_eq!(ended.code, Some(70), "{ended:?}");
    let record = place.record("echo");
    assert_eq!(record["status"], "failed");
    assert_eq!(record["failure"]["kind"], kind, "{record:#}");
    let message = record["failure"]["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
    assert!(!message.contains('\n'), "{message}");
    assert!(ended.out.contains(message), "{ended:?}");
    assert_eq!(place.record("pixels")["status"], "done");
    assert!(ended.out.contains("pixels: val "), "{ended:?}");
}

#[test]
fn a_process_that_aborts_is_named_by_its_signal() {
    misbehave("step", "abort", &[], "crashed", "signal 6 (SIGABRT)");
}

#[test]
fn a_hanging_plugin_is_ended() {
    // Long enough for the other cell on a machine that is busy.
    let stall = ["run.stall_s=15"];
    misbehave("after_update", "hang", &stall, "hung", "no progress");
}

#[test]
fn plugin_panic_and_error_messages_are_shown() {
    misbehave("step", "panic", &[], "plugin", "asked to panic in step");
    misbehave(
        "describe",
        "error",
        &[],
        "plugin",
        "asked to fail in describe",
    );
}

#[test]
fn nan_loss_and_wrong_gradient_shapes_are_plugin_faults() {
    misbehave("step", "nan", &[], "plugin", "expected a finite loss");
    misbehave(
        "step",
        "wrong-shape",
        &[],
        "plugin",
        "expected the gradient",
    );
}

#[test]
fn a_batch_that_data_cannot_fill_is_bad_input() {
    let place = Place::new();
    let ended = place.run(&["pretrain.recipe.batch_size=65"]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    let record = place.record("echo");
    assert_eq!(record["failure"]["kind"], "input", "{record:#}");
    let message = record["failure"]["message"].as_str().unwrap();
    assert!(
        message.contains("at most 64") && message.contains("found 65"),
        "{message}"
    );
    assert_eq!(place.record("pixels")["status"], "done");
}

#[test]
fn missing_data_is_bad_input_and_named() {
    let place = Place::new();
    let train = r#"data.train={ name = "train", kind = "cifar10", files = ["no/such.bin"] }"#;
    let ended = place.run(&[train, "data.root=here"]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert!(ended.err.contains("no/such.bin"), "{ended:?}");
}

#[test]
fn a_file_that_is_no_plugin_is_refused_by_name_and_the_rest_runs() {
    let place = Place::new();
    std::fs::write(place.path().join("plugins/libbroken.so"), b"text").unwrap();
    let ended = place.run(&[r#"frameworks=["echo"]"#]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.err.contains("refused") && ended.err.contains("libbroken.so"),
        "{ended:?}"
    );
}
