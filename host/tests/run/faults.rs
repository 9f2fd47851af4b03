//! One cell's fault never keeps another from its result.

use crate::bench::Place;
use serde_json::Value;
use ssl_host::process::MemoryBound;

/// Lets the fixture go wrong and checks what is recorded of it; the other cell must be done.
fn misbehave(call: &str, how: &str, more: &[&str], kind: &str, words: &str) -> Value {
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
    record
}

#[test]
fn a_process_that_aborts_is_named_by_its_signal() {
    misbehave("step", "abort", &[], "crashed", "signal 6 (SIGABRT)");
}

#[test]
fn a_plugin_that_ends_its_process_as_if_interrupted_is_a_dead_cell() {
    misbehave("step", "exit-75", &[], "crashed", "exit code 75");
}

#[test]
fn a_plugin_that_calls_its_own_fault_a_configuration_fault_is_blamed_by_name() {
    misbehave("step", "config-error", &[], "plugin", "libfixture_echo");
    misbehave("state", "config-error", &[], "plugin", "libfixture_echo");
}

#[test]
fn a_cell_that_wants_more_memory_than_its_limit_says_so() {
    let limit = [r#"run.memory="8 GiB""#];
    let bound = MemoryBound::here();
    let kind = match bound {
        MemoryBound::ControlGroup => "killed",
        MemoryBound::RlimitData => "crashed",
    };
    let words = format!("`run.memory` is 8 GiB (by {bound})");
    let record = misbehave("step", "hoard", &limit, kind, &words);
    let expected = serde_json::json!({ "limit": "8 GiB", "by": bound });
    assert_eq!(record["memory"], expected);
}

#[test]
fn a_long_message_with_escape_sequences_is_cut_and_harmless() {
    let place = Place::new();
    let set = [
        "framework.echo.config.fault=step",
        "framework.echo.config.how=shout",
    ];
    let ended = place.run(&set);
    assert_eq!(ended.code, Some(70), "{ended:?}");
    let failure = place.record("echo")["failure"].to_string();
    assert!(failure.contains("xxxx") && failure.len() < 10_000);
    for text in [&ended.out, &ended.err, &failure] {
        assert!(!text.contains('\u{1b}') && !text.contains("\\u001b"));
        assert!(text.len() < 20_000, "{} bytes", text.len());
    }
}

#[test]
fn time_of_a_cell_that_died_is_in_its_record() {
    let place = Place::new();
    let set = ["framework.echo.config.fault=step", "baselines=[]"];
    let ended = place.run(&[&set[..], &["framework.echo.config.how=abort"]].concat());
    assert_eq!(ended.code, Some(70), "{ended:?}");
    let timings = place.record("echo")["timings_s"].clone();
    assert!(timings["prepare"].as_f64() > Some(0.0), "{timings}");
}

#[test]
fn a_plugin_that_changes_the_folder_moves_no_results() {
    let place = Place::new();
    let set = [
        "framework.echo.config.fault=create",
        "framework.echo.config.how=move-away",
        "baselines=[]",
    ];
    for args in [&[][..], &["--in-process", "--redo"]] {
        let mut more: Vec<String> = set
            .iter()
            .flat_map(|it| ["--set", it])
            .map(str::to_owned)
            .collect();
        more.extend(args.iter().map(|&it| it.to_owned()));
        if !args.is_empty() {
            let name = place.cells("echo")[0].file_name().unwrap().to_owned();
            more.push(name.into_string().unwrap());
        }
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let ended = place.run_with(&more);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(place.record("echo")["status"], "done");
        assert!(place.path().join("out/scores.csv").exists());
    }
}

#[test]
fn a_full_disk_behind_the_output_is_no_reason_to_stop() {
    let place = Place::new();
    let full = || {
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let mut run = place.start_into(&["baselines=[]"], full().into(), full().into());
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert_eq!(place.record("echo")["status"], "done");
    assert!(place.path().join("out/scores.csv").exists());
}

#[test]
fn a_pipe_that_nobody_reads_is_no_reason_to_stop() {
    let place = Place::new();
    let mut run = place.start(&["baselines=[]"]);
    drop((run.stdout.take(), run.stderr.take()));
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert_eq!(place.record("echo")["status"], "done");
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
