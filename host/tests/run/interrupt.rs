//! A run that is asked to stop does so in good order, and goes on where it stopped.

use crate::bench::{Place, record, wait_until};
use std::process::Command;

pub const LONG: [&str; 2] = ["pretrain.recipe.epochs=40", "baselines=[]"];

/// Steps and ends of epochs in the metrics log, without the online kNN evaluation.
pub fn lines(place: &Place, framework: &str) -> usize {
    let cells = place.cells(framework);
    let path = cells
        .first()
        .map(|cell| cell.join("pretrain/metrics.jsonl"));
    let text = path.and_then(|path| std::fs::read_to_string(path).ok());
    let probe = |line: &&str| line.contains(r#""kind":"probe""#);
    text.map_or(0, |text| text.lines().filter(|line| !probe(line)).count())
}

/// A run that was stopped in its middle, as it left its place. On a busy machine a run may end before
/// the signal comes; then it is begun anew.
pub fn interrupted(new_place: impl Fn() -> Place, framework: &str, set: &[&str]) -> Place {
    for _ in 0..8 {
        let place = new_place();
        let run = place.start(set);
        wait_until("a few epochs", || lines(&place, framework) > 9);
        let id = run.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        let output = run.wait_with_output().unwrap();
        match output.status.code() {
            Some(75) => return place,
            Some(0) => {}
            _ => panic!("{output:?}"),
        }
    }
    panic!("no run could be stopped");
}

#[test]
fn run_resumes_bit_identically_after_sigterm() {
    let place = interrupted(Place::new, "echo", &LONG);
    let record = place.record("echo");
    assert_eq!(record["status"], "pending", "{record:#}");
    let at_stop = lines(&place, "echo");

    let resumed = place.run(&LONG);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    let record = place.record("echo");
    assert_eq!(record["attempts"], 2);
    // 2 steps and an epoch's end, 40 times: nothing twice, nothing missing.
    assert!(at_stop < 120, "{at_stop}");
    assert_eq!(lines(&place, "echo"), 120);

    let straight = Place::new();
    assert_eq!(straight.run(&LONG).code, Some(0));
    assert_eq!(
        record["results"]["report"],
        straight.record("echo")["results"]["report"]
    );
}

#[test]
fn cells_end_with_their_parent() {
    let place = Place::new();
    let mut run = place.start(&["pretrain.recipe.epochs=100000", "baselines=[]"]);
    wait_until("the first epoch", || lines(&place, "echo") > 3);
    run.kill().unwrap();
    run.wait().unwrap();
    let lock = std::fs::read(place.cells("echo")[0].join(".lock")).unwrap();
    let holder: serde_json::Value = serde_json::from_slice(&lock).unwrap();
    let stat = format!("/proc/{}/stat", holder["pid"]);
    wait_until("the cell's process to end", || {
        // Dead, and only waits for its new parent.
        std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z"))
    });
    // Nobody else is in the way of the next run.
    let ended = place.run(&["baselines=[]"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_run_that_is_stopped_while_it_evaluates_ends_in_good_order() {
    let place = Place::new();
    let long = ["evaluate.linear.epochs=100000000", "baselines=[]"];
    let run = place.start(&long);
    wait_until("the evaluation", || {
        let cells = place.cells("echo");
        let features = place.path().join("out/features");
        let extracted = std::fs::read_dir(features).map_or(0, Iterator::count);
        let exported =
            |cell: &std::path::PathBuf| cell.join("pretrain/backbone.safetensors").exists();
        extracted >= 2 && cells.first().is_some_and(exported)
    });
    let id = run.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    // The cell ended by itself.
    let cell = &place.cells("echo")[0];
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("interrupted, resumes") && !said.contains("did not stop"),
        "{said}"
    );
    assert_eq!(place.record("echo")["status"], "pending");
    assert!(!cell.join("predictions").exists());
}

#[test]
fn a_linear_grid_that_was_stopped_or_killed_goes_on_and_has_the_same_results() {
    let set = [
        "evaluate.linear.epochs=1500",
        "pretrain.checkpoint.minutes=0.001",
        "baselines=[]",
    ];
    let straight = Place::new();
    assert_eq!(straight.run(&set).code, Some(0));
    let expected = straight.record("echo")["results"]["report"].clone();
    // With the results nothing is left to go on from.
    assert!(!straight.cells("echo")[0].join("training").exists());
    for signal in ["-TERM", "-KILL"] {
        let state = |place: &Place| {
            let cell = place.cells("echo").into_iter().next();
            cell.map(|cell| cell.join("training/linear-grid-0.safetensors"))
        };
        // On a busy machine a run may end before the signal comes.
        let place = (0..8).map(|_| Place::new()).find(|place| {
            let mut run = place.start_quietly(&[], &set);
            wait_until("a state of the grid", || {
                state(place).is_some_and(|file| file.exists())
                    || place
                        .cells("echo")
                        .first()
                        .is_some_and(|cell| record(cell)["status"] == "done")
            });
            let id = run.id().to_string();
            Command::new("kill").args([signal, &id]).status().unwrap();
            let stopped = !run.wait().unwrap().success();
            stopped && state(place).is_some_and(|file| file.exists())
        });
        let place = place.expect("no run could be stopped");
        let resumed = place.run(&set);
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
        assert!(!resumed.err.contains("begins anew"), "{resumed:?}");
        assert_eq!(place.record("echo")["results"]["report"], expected);
        assert!(!place.cells("echo")[0].join("training").exists());
    }
}
