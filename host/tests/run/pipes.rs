//! Pipes in the place of files are refused or passed over: whoever opened one would wait without end.

use crate::bench::{Ended, Place};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LONGEST: Duration = Duration::from_secs(120);

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// How a command of the program ends, which it has to within two minutes.
fn end_of(place: &Place, args: &[&str]) -> Ended {
    let [out, err] = ["said.out", "said.err"].map(|name| place.path().join(name));
    let mut child = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(place.path())
        .env_remove("SSL_LOTTERY_PLUGINS")
        .args(args)
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > LONGEST {
            child.kill().unwrap();
            panic!("{args:?} waits without end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Ended {
        code: status.code(),
        out: fs::read_to_string(out).unwrap(),
        err: fs::read_to_string(err).unwrap(),
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
}

#[test]
fn benchmarks_and_configurations_that_are_pipes_are_refused() {
    let place = Place::new();
    make_pipe(&place.path().join("pipe.toml"));
    let plugin = "plugins/libfixture_echo.so";
    for args in [
        &["cells", "pipe.toml", "--out", "out"][..],
        &["describe", plugin, "--config", "pipe.toml"],
    ] {
        let ended = end_of(&place, args);
        assert_eq!(ended.code, Some(65), "{args:?}: {ended:?}");
        assert!(ended.err.contains("regular file"), "{ended:?}");
    }
}

#[test]
fn no_file_of_a_results_folder_that_became_a_pipe_is_waited_for() {
    let place = Place::new();
    assert_eq!(place.run(&["baselines=[]"]).code, Some(0));
    let out = place.path().join("out");
    let mut all = Vec::new();
    files(&out, &mut all);
    assert!(all.len() > 10, "{all:?}");
    let run = "run bench.toml --out out --plugin-dir plugins --set baselines=[] --set";
    let again: Vec<&str> = run.split(' ').chain(["evaluate.linear.epochs=3"]).collect();
    for file in all {
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        make_pipe(&file);
        for args in [&["report", "out"][..], &again] {
            let ended = end_of(&place, args);
            let codes = [Some(0), Some(65), Some(70), Some(75)];
            assert!(codes.contains(&ended.code), "{file:?} {args:?}: {ended:?}");
            assert!(!ended.err.contains("panicked"), "{file:?}: {ended:?}");
        }
        // What the run has written in its place, or the pipe.
        let _ = fs::remove_file(&file);
        fs::write(&file, bytes).unwrap();
    }
}
