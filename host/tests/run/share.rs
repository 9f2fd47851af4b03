//! Many runs on one ledger at once.

use crate::bench::{Place, record, wait_until};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SEEDS: &str = "seeds=[0, 1, 2, 3, 4, 5]";

/// The number of the process that holds a cell, if one does.
fn holder(cell: &Path) -> Option<u64> {
    let text = fs::read(cell.join(".lock")).ok()?;
    let holder: serde_json::Value = serde_json::from_slice(&text).ok()?;
    holder["pid"].as_u64()
}

#[test]
fn two_runs_at_once_finish_a_ledger_without_computing_a_cell_twice() {
    let place = Place::new();
    let set = [SEEDS, "run.parallel=2"];
    let runs = [0, 1].map(|_| place.start(&set));
    let ended: Vec<Output> = runs
        .into_iter()
        .map(|run| run.wait_with_output().unwrap())
        .collect();
    let codes: Vec<_> = ended.iter().map(|ended| ended.status.code()).collect();
    // The one that ends first may leave a cell to the other.
    assert!(codes.contains(&Some(0)), "{ended:?}");
    assert!(codes.iter().all(|code| [Some(0), Some(75)].contains(code)));
    for (row, cells) in [("echo", 6), ("pixels", 6)] {
        let records: Vec<_> = place.cells(row).iter().map(|it| record(it)).collect();
        assert_eq!(records.len(), cells);
        for record in &records {
            assert_eq!(record["status"], "done");
            assert_eq!(record["attempts"], 1, "{record:#}");
        }
    }
    let runs: std::collections::BTreeSet<u64> = place
        .cells("echo")
        .iter()
        .map(|cell| record(cell)["run"]["pid"].as_u64().unwrap())
        .collect();
    assert!(runs.len() <= 2 && !runs.is_empty());
    let out = fs::read_dir(place.path().join("out/cells")).unwrap();
    for cell in out.map(|entry| entry.unwrap().path()) {
        for file in fs::read_dir(cell).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(!name.ends_with(".part"), "{name}");
        }
    }
}

#[test]
fn a_busy_cell_is_left_to_its_process_and_the_others_are_computed() {
    let place = Place::new();
    let long = ["baselines=[]", "seeds=[0]", "pretrain.recipe.epochs=100000"];
    let mut first = place.start(&long);
    wait_until("the cell to be claimed", || {
        place
            .cells("echo")
            .first()
            .is_some_and(|cell| holder(cell).is_some())
    });
    let cell = place.cells("echo").remove(0);
    let pid = holder(&cell).unwrap();
    let before = record(&cell);
    let also = ["baselines=['pixels']", long[1], long[2]];
    let busy = place.run(&also);
    assert_eq!(busy.code, Some(75), "{busy:?}");
    assert!(
        busy.out.contains(&format!("in use by process {pid} on ")),
        "{busy:?}"
    );
    assert!(busy.out.contains("pixels: val "), "{busy:?}");
    // Nothing of the busy cell was touched.
    assert_eq!(record(&cell), before);
    assert_eq!(holder(&cell), Some(pid));
    let name = cell.file_name().unwrap().to_str().unwrap();
    let mut redo = vec!["--redo", name];
    redo.extend(long.iter().flat_map(|it| ["--set", it]));
    let refused = place.run_with(&redo);
    assert_eq!(refused.code, Some(75), "{refused:?}");
    assert!(refused.err.contains("in use by process"), "{refused:?}");
    assert_eq!(record(&cell), before);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_run_that_waits_takes_over_from_one_that_dies() {
    let place = Place::new();
    let set = ["baselines=[]", "pretrain.recipe.epochs=60"];
    let mut first = place.start(&set);
    wait_until("a checkpoint", || {
        let cells = place.cells("echo");
        cells
            .first()
            .is_some_and(|cell| cell.join("pretrain/checkpoint.json").exists())
    });
    // It neither ends nor is ended before the other one waits for it.
    let cell = place.cells("echo").remove(0);
    let pid = holder(&cell).unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-STOP", &pid])
            .status()
            .unwrap()
            .success()
    );
    let second = place.start_with(&["--wait"], &set);
    wait_until("the second to find it", || {
        let open = fs::read_dir(format!("/proc/{}/fd", second.id())).unwrap();
        let links = open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        links.into_iter().any(|link| link.ends_with("out/.lock"))
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let ended = second.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let record = record(&cell);
    assert_eq!(record["status"], "done", "{record:#}");
    assert_eq!(record["attempts"], 2, "{record:#}");
}

#[test]
fn shards_compute_their_own_cells_and_the_last_one_has_the_table() {
    let place = Place::new();
    let set = ["--set", "seeds=[0, 1]"];
    let shard = |args: &[&str]| place.run_with(&[&set, args].concat());
    let first = shard(&["--shard", "0/3"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(
        first.err.contains("4 cells, 2 of them in shard 0/3"),
        "{first:?}"
    );
    assert!(
        first.out.contains("2 of 4 cells have no scores"),
        "{first:?}"
    );
    assert!(first.out.contains("in another shard"), "{first:?}");
    assert_eq!(
        (place.cells("pixels").len(), place.cells("echo").len()),
        (1, 1)
    );
    let wrong = shard(&["--shard", "3/3"]);
    assert_eq!(wrong.code, Some(65), "{wrong:?}");
    assert_eq!(shard(&["--shard", "1/3"]).code, Some(0));
    let last = shard(&["--shard", "2/3"]);
    assert_eq!(last.code, Some(0), "{last:?}");
    assert!(!last.out.contains("have no scores"), "{last:?}");
    let scores = fs::read_to_string(place.path().join("out/scores.csv")).unwrap();
    // 4 cells, 2 sets, 2 protocols, and the header.
    assert_eq!(scores.lines().count(), 1 + 4 * 2 * 2, "{scores}");
    for cell in place.cells("pixels").iter().chain(&place.cells("echo")) {
        assert_eq!(record(cell)["attempts"], 1);
    }
}

#[test]
fn the_task_of_an_array_is_a_shard() {
    let place = Place::new();
    let array = [
        ("SLURM_ARRAY_JOB_ID", "7"),
        ("SLURM_ARRAY_TASK_ID", "2"),
        ("SLURM_ARRAY_TASK_COUNT", "2"),
        ("SLURM_ARRAY_TASK_MIN", "1"),
    ];
    let ended = place.run_under(&array);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("1 of them in shard 1/2"), "{ended:?}");
    assert_eq!(place.record("echo")["run"]["job"], "7_2");
    assert!(place.cells("pixels").is_empty());
    let ended = place.run_under(&[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "2")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.record("pixels")["attempts"], 1);
    let wrong = place.run_under(&[("JOB_COMPLETION_INDEX", "2"), ("JOB_COMPLETIONS", "2")]);
    assert_eq!(wrong.code, Some(65), "{wrong:?}");
}

/// The states of the benchmark's cells, as `cells` lists them.
fn states(place: &Place, args: &[&str]) -> Vec<(String, String)> {
    let listed = place.cells_of(&[&["--format", "json"], args].concat());
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let list: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    let text = |line: &serde_json::Value, key: &str| line[key].as_str().unwrap().to_owned();
    let lines = list["cells"].as_array().unwrap().iter();
    lines
        .map(|line| (text(line, "row"), text(line, "state")))
        .collect()
}

#[test]
fn cells_are_listed_with_their_states_and_a_partial_ledger_is_reported_on() {
    let place = Place::new();
    let of = |states: &[&str]| {
        let rows = ["pixels", "echo"].map(str::to_owned);
        rows.into_iter()
            .zip(states.iter().map(|&it| it.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&place, &[]), of(&["pending", "pending"]));
    // A list writes nothing.
    assert!(!place.path().join("out").exists());
    let fault = [
        "framework.echo.config.fault=step",
        "framework.echo.config.how=error",
    ];
    let set: Vec<&str> = fault.iter().flat_map(|it| ["--set", it]).collect();
    assert_eq!(place.run(&fault).code, Some(70));
    assert_eq!(states(&place, &set), of(&["done", "failed"]));
    assert_eq!(states(&place, &["--shard", "0/2"]), of(&["done"]));
    let text = place.cells_of(&set).out;
    assert!(text.contains("asked to fail in step"), "{text}");
    assert!(text.contains("2 cells: 1 done, 1 failed"), "{text}");
    assert_eq!(
        states(&place, &["--set", "evaluate.knn.k=[5,7]"]),
        of(&["outdated", "pending"])
    );

    assert_eq!(
        place
            .run_with(&["--shard", "0/2", "--set", "seeds=[0, 1]"])
            .code,
        Some(0)
    );
    let report = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(place.path())
        .args(["report", "out", "--format", "md", "--draws", "100"])
        .output()
        .unwrap();
    let text =
        String::from_utf8(report.stdout).unwrap() + &String::from_utf8(report.stderr).unwrap();
    assert!(text.contains("2 of 4 cells are not done"), "{text}");
    for name in ["pixels-1-", "echo-1-"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(text.contains("(not begun)"), "{text}");
}
