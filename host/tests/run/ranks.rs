//! A cell whose pretraining several processes share: started by the run, or by a launcher around it.

use crate::bench::{Ended, Place, wait_until};
use crate::interrupt::{LONG, lines};
use ssl_distributed::{Launch, Store};
use std::fs;
use std::process::Command;
use std::time::Duration;

const TWO: &str = "run.processes=2";
const LIMIT: Duration = Duration::from_secs(120);

/// The process that is the second rank of this place's cell.
fn second_rank(place: &Place) -> Option<u32> {
    let at = place.path().canonicalize().unwrap();
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.find(|id: &u32| {
        let variables = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let mut variables = variables.split(|byte| *byte == 0);
        let folder = fs::read_link(format!("/proc/{id}/cwd"));
        variables.any(|it| it == b"RANK=1") && folder.is_ok_and(|folder| folder == at)
    })
}

/// A run on two ranks, whose second one got a signal after a few epochs, and its place. On a busy machine a run may end
/// before the signal comes; then it is begun anew.
fn signalled(signal: &str, set: &[&str]) -> (Place, Ended) {
    for _ in 0..8 {
        let place = Place::new();
        let run = place.start(&[&LONG, &[TWO, "pretrain.checkpoint.minutes=0"], set].concat());
        wait_until("a few epochs", || lines(&place, "echo") > 9);
        if let Some(rank) = second_rank(&place) {
            let signalled = Command::new("kill")
                .args([signal, &rank.to_string()])
                .status();
            signalled.unwrap();
        }
        let ended = Ended::from(run.wait_with_output().unwrap());
        if ended.code != Some(0) {
            return (place, ended);
        }
    }
    panic!("no rank could be signalled");
}

/// The cell's failure, which is one line.
fn failure(place: &Place) -> String {
    let record = place.record("echo");
    let message = record["failure"]["message"].as_str().unwrap().to_owned();
    assert!(!message.contains('\n'), "{message}");
    message
}

/// The next run goes on from the checkpoint, on any number of ranks, and leaves out nothing.
fn goes_on(place: &Place, processes: &str) {
    let resumed = place.run(&[&LONG[..], &[processes]].concat());
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(place.record("echo")["attempts"], 2);
    // 2 steps and an epoch's end, 40 times: nothing twice, nothing missing.
    assert_eq!(lines(place, "echo"), 120);
}

#[test]
fn a_killed_rank_is_named_and_the_next_run_goes_on() {
    let (place, ended) = signalled("-KILL", &[]);
    assert_eq!(ended.code, Some(70), "{ended:?}");
    let message = failure(&place);
    assert!(message.contains("rank 1 of 2: it has ended"), "{message}");
    goes_on(&place, TWO);
}

#[test]
fn a_rank_that_stalls_is_named_within_the_limit() {
    let (place, ended) = signalled("-STOP", &["run.rank_limit_s=10"]);
    assert_eq!(ended.code, Some(70), "{ended:?}");
    let message = failure(&place);
    assert!(
        message.contains("rank 1 of 2: it has ended, or has not answered within 10 s"),
        "{message}"
    );
    goes_on(&place, "run.processes=1");
}

#[test]
fn a_rank_of_another_shape_is_named() {
    let place = Place::new();
    let config = r#"framework.echo.config={ fault = "step", how = "gather-unevenly" }"#;
    let ended = place.run(&[TWO, config, "baselines=[]"]);
    assert_eq!(ended.code, Some(70), "{ended:?}");
    let message = failure(&place);
    let expected = "rank 1 of 2: it calls an all_gather of shape [2] of Float where rank 0 calls an all_gather of shape [1] of Float";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn a_rank_whose_plugin_fails_is_named() {
    for (how, expected) in [
        (
            "error",
            "rank 1 of 2: the plugin failed in step (internal, step 0): asked to fail in step",
        ),
        ("abort", "rank 1 of 2: it has ended"),
    ] {
        let place = Place::new();
        let config = format!(
            r#"framework.echo.config={{ fault = "step", how = "{how}", whose = "second" }}"#
        );
        let ended = place.run(&[TWO, &config, "baselines=[]"]);
        assert_eq!(ended.code, Some(70), "{ended:?}");
        let message = failure(&place);
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("step: asked"), "{message}");
    }
}

#[test]
fn what_ranks_cannot_share_is_refused() {
    for (set, expected) in [
        (
            &["run.processes=3"][..],
            "expected a batch size that divides by the 3 ranks, found 32",
        ),
        (
            &[TWO, "data.on_broken=\"skip\""],
            "`data.on_broken`: expected \"fail\" with several ranks, which have to see the same images, found \"skip\"",
        ),
        (
            &[TWO, "run.rank_limit_s=600"],
            "`run.rank_limit_s`: expected a whole number in 1..=599, below `run.stall_s`, found 600",
        ),
    ] {
        let ended = Place::new().run(&[set, &["baselines=[]"]].concat());
        assert_eq!(ended.code, Some(65), "{ended:?}");
        assert!(ended.err.contains(expected), "{}", ended.err);
    }
    let ended = Place::new().run_with(&["--in-process", "--set", TWO]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert!(ended.err.contains("found several ranks"), "{}", ended.err);
}

/// Runs the benchmark as two processes of a launcher that serves the store, as `torchrun` does; the first one's end.
fn under_a_launcher(place: &Place, set: &[&str]) -> Ended {
    let store = Store::serve("127.0.0.1", 0, LIMIT).unwrap();
    let variables = |rank| {
        let launch = Launch {
            rank,
            world_size: 2,
            local_rank: rank,
            address: "127.0.0.1".to_owned(),
            port: store.port(),
            agent_store: true,
            restart: 0,
        };
        launch.variables()
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let variables = variables(1);
            place.run_set_under(
                set,
                &variables
                    .each_ref()
                    .map(|(name, value)| (*name, value.as_str())),
            )
        });
        let variables = variables(0);
        let first = place.run_set_under(
            set,
            &variables
                .each_ref()
                .map(|(name, value)| (*name, value.as_str())),
        );
        let second = second.join().unwrap();
        assert_eq!((second.code, &*second.out), (Some(0), ""), "{second:?}");
        first
    })
}

#[test]
fn a_launcher_around_the_run_gives_the_table_of_its_own_ranks() {
    let (own, launched) = (Place::new(), Place::new());
    let ended = own.run(&[TWO]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let around = under_a_launcher(&launched, &[]);
    assert_eq!(around.code, Some(0), "{around:?}");
    assert_eq!(ended.out, around.out);
    let results = |place: &Place| place.record("echo")["results"].clone();
    assert_eq!(results(&own)["report"], results(&launched)["report"]);
    assert_eq!(results(&launched)["pretrain"]["ranks"], 2);
    // The run starts nothing more on its own.
    let twice = under_a_launcher(&Place::new(), &[TWO]);
    assert_eq!(twice.code, Some(65), "{twice:?}");
}
