//! What the program says about a benchmark file it refuses.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

fn run(dir: &Path, text: &str, more: &[&str]) -> Output {
    let bench = dir.join("bench.toml");
    std::fs::write(&bench, text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(dir)
        .env_remove("SSL_LOTTERY_PLUGINS")
        .args(["run", "bench.toml", "--out", "out"])
        .args(more)
        .output()
        .unwrap()
}

/// Exit code and standard error, with the line breaks of the terminal's width taken out.
fn refused(text: &str, more: &[&str]) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), text, more);
    let words = String::from_utf8(output.stderr).unwrap();
    let words: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || c == '│')
        .filter(|word| !word.is_empty())
        .collect();
    (output.status.code(), words.join(" "))
}

#[test]
fn an_unknown_key_gets_the_nearest_name_and_its_line() {
    let (code, text) = refused("seeds = [1]\n\n[pretrain]\nworkrs = 2\n", &[]);
    assert_eq!(code, Some(65), "{text}");
    assert!(
        text.contains("unknown key `pretrain.workrs`, did you mean `workers`?"),
        "{text}"
    );
    assert!(text.contains("bench.toml:4:1"), "{text}");
}

#[test]
fn a_wrong_type_says_what_was_expected_and_found() {
    let (code, text) = refused("[pretrain.recipe]\nepochs = \"many\"\n", &[]);
    assert_eq!(code, Some(65), "{text}");
    assert!(
        text.contains(
            "`pretrain.recipe.epochs`: expected a whole number >= 0, found string \"many\""
        ),
        "{text}"
    );
    assert!(text.contains("bench.toml:2:10"), "{text}");
}

#[test]
fn all_config_faults_are_reported_at_once() {
    let bench = r#"
seeds = [3, 3]
frameworks = "some"
[backbone]
width = 0.0
stemm = "cifar"
[views]
size = 4
[pretrain]
device = "gpu"
workers = 0
[pretrain.recipe]
lr = -1.0
epochs = true
[evaluate.knn]
k = []
[run]
stall_s = 0
"#;
    let (code, text) = refused(bench, &[]);
    assert_eq!(code, Some(65), "{text}");
    for expected in [
        "`seeds.1`: expected items without repetition, found 3",
        "`frameworks`: expected \"all\" or a list of framework ids, found string \"some\"",
        "`backbone.width`: expected a number in (0, 8], found 0",
        "unknown key `backbone.stemm`, did you mean `stem`?",
        "`views.size`: expected a whole number in 8..=1024, found 4",
        "`pretrain.device`: expected `cpu`, `cuda` or `cuda:N`, found `gpu`",
        "`pretrain.workers`: expected a whole number in 1..=1024, found 0",
        "`pretrain.recipe.lr`: expected a number in (0, inf), found -1",
        "`pretrain.recipe.epochs`: expected a whole number >= 0, found boolean `true`",
        "`run.stall_s`: expected a whole number >= 1, found 0",
    ] {
        assert!(text.contains(expected), "{expected}\nnot in\n{text}");
    }
}

#[test]
fn numbers_that_no_machine_can_bear_are_refused() {
    let seeds: Vec<String> = (0..20_000).map(|seed| seed.to_string()).collect();
    for (bench, expected) in [
        ("[pretrain]\nworkers = 1000000\n".to_owned(), "1..=1024"),
        ("[pretrain]\nthreads = 1000000\n".to_owned(), "1..=1024"),
        ("[run]\nparallel = 100000000\n".to_owned(), "1..=1024"),
        (
            format!("seeds = [{}]\n", seeds.join(",\n")),
            "at most 10000 items",
        ),
    ] {
        let (code, text) = refused(&bench, &[]);
        assert_eq!(code, Some(65), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(text.len() < 2000, "{} bytes", text.len());
    }
}

#[test]
fn an_override_is_checked_like_the_file_and_named_as_one() {
    let set = [
        "--set",
        "pretrain.recipe.epochs=0",
        "--set",
        "backbone.dept=resnet18",
    ];
    let (code, text) = refused("[pretrain.recipe]\nepochs = 3\n", &set);
    assert_eq!(code, Some(65), "{text}");
    assert!(text.contains("--set:1:"), "{text}");
    assert!(
        text.contains("`pretrain.recipe.epochs`: expected a whole number >= 1, found 0"),
        "{text}"
    );
    assert!(
        text.contains("unknown key `backbone.dept`, did you mean `depth`?"),
        "{text}"
    );
    let (code, text) = refused("", &["--set", "seeds"]);
    assert_eq!(code, Some(65));
    assert!(text.contains("expected key=value, found no `=`"), "{text}");
}

#[test]
fn broken_toml_and_a_missing_file_are_bad_input() {
    let (code, text) = refused("seeds = [1\n", &[]);
    assert_eq!(code, Some(65), "{text}");
    assert!(text.contains("bench.toml:"), "{text}");
    let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .args(["run", "nowhere/none.toml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(65));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("failed to read nowhere/none.toml"), "{text}");
}

#[test]
fn an_unknown_framework_is_refused_before_anything_runs() {
    let (code, text) = refused("frameworks = [\"no-such\"]\n", &[]);
    assert_eq!(code, Some(65), "{text}");
    assert!(text.contains("unknown framework `no-such`"), "{text}");
    assert!(text.contains("bench.toml:1:15"), "{text}");
}

#[test]
fn help_is_done_and_wrong_arguments_are_bad_input() {
    let code = |args: &[&str]| {
        let program = env!("CARGO_BIN_EXE_ssl-lottery");
        Command::new(program)
            .args(args)
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["no-such-command"]), Some(65));
}

#[test]
fn the_benchmarks_of_the_repository_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let (bench, _) = ssl_host::config::Benchmark::load(&path, &[])
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        bench
            .validate()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        found += 1;
    }
    assert!(found >= 6, "{found} files");
}

#[test]
fn a_plugin_dir_that_is_not_there_is_refused_by_every_command() {
    for command in [&["plugins"][..], &["doctor"], &["run", "bench.toml"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
            .args(command)
            .args(["--plugin-dir", "/nowhere"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65), "{command:?}: {text}");
        let words = "'/nowhere' for '--plugin-dir <DIR>': expected a folder with plugins";
        assert!(text.contains(words), "{command:?}: {text}");
    }
}

#[test]
fn a_missing_file_is_sought_below_the_data_root() {
    let root = tempfile::tempdir().unwrap();
    let entry = ssl_host::config::CheckpointEntry {
        file: "weights/a.pth".into(),
        ..Default::default()
    };
    let below_root = root.path().join("weights/a.pth");
    assert_eq!(entry.resolve(Some(root.path())), below_root);

    // Tests run in the folder of their crate, which has a manifest.
    let here = Path::new("Cargo.toml");
    let entry = ssl_host::config::CheckpointEntry {
        file: here.to_owned(),
        ..Default::default()
    };
    assert_eq!(entry.resolve(Some(root.path())), here);
    std::fs::write(root.path().join(here), "").unwrap();
    assert_eq!(entry.resolve(Some(root.path())), root.path().join(here));
}
