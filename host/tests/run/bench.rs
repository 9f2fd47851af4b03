//! A benchmark small enough to run many times, and what it leaves behind.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// 64 drawn images, a narrow network, two test sets.
fn drawn() -> String {
    Bench {
        baselines: r#"["pixels"]"#,
        width: 0.125,
        data: r#"
train = { name = "train", kind = "shapes", split = "train", count = 64 }
test = [
    { name = "val", kind = "shapes", split = "val", count = 40 },
    { name = "real", kind = "shapes", split = "real", count = 40 },
]"#,
        size: 16,
        batch: 32,
        evaluate: r#"
transform = "whole"
knn = { k = [5], headline_k = 5 }
linear = { epochs = 2, batch_size = 16, base_lrs = [0.1, 1.0], seeds = [0] }"#,
    }
    .text()
}

/// What differs between benchmarks of the healthy fixture, which is trained for one epoch.
pub struct Bench<'a> {
    pub baselines: &'a str,
    pub width: f64,
    /// The section `[data]`.
    pub data: &'a str,
    pub size: u32,
    pub batch: u32,
    /// The section `[evaluate]`.
    pub evaluate: &'a str,
}

impl Bench<'_> {
    pub fn text(&self) -> String {
        let Self {
            baselines,
            width,
            data,
            size,
            batch,
            evaluate,
        } = self;
        format!(
            r#"
frameworks = ["echo"]
baselines = {baselines}
[backbone]
depth = "resnet18"
stem = "cifar"
width = {width}
[data]{data}
[views]
size = {size}
[pretrain]
workers = 1
threads = 1
[pretrain.recipe]
epochs = 1
batch_size = {batch}
[evaluate]{evaluate}
"#
        )
    }
}

/// A folder with the benchmark and its results.
pub struct Place {
    dir: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self::of(&drawn())
    }

    /// A folder with another benchmark.
    pub fn of(bench: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bench.toml"), bench).unwrap();
        std::fs::create_dir(dir.path().join("plugins")).unwrap();
        let name = format!("libfixture_echo.{}", std::env::consts::DLL_EXTENSION);
        let library = std::env::current_exe().unwrap().with_file_name(&name);
        std::fs::copy(library, dir.path().join("plugins").join(name)).unwrap();
        Self { dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, set: &[&str]) -> Command {
        self.subcommand("run", set)
    }

    /// A subcommand of the program that has to do with the benchmark and its results.
    fn subcommand(&self, name: &str, set: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"));
        command
            .current_dir(self.path())
            .env_remove("SSL_LOTTERY_PLUGINS")
            .env_remove("SSL_LOTTERY_DATA")
            // These tests may themselves run in a scheduler's job.
            .env_remove("SLURM_ARRAY_TASK_ID")
            .env_remove("JOB_COMPLETION_INDEX")
            .args([name, "bench.toml"])
            .args(["--out", "out", "--plugin-dir", "plugins"]);
        for assignment in set {
            command.args(["--set", assignment]);
        }
        command
    }

    /// Lists the benchmark's cells.
    pub fn cells_of(&self, args: &[&str]) -> Ended {
        let mut command = self.subcommand("cells", &[]);
        command.args(args).output().unwrap().into()
    }

    /// Runs the benchmark to its end.
    pub fn run(&self, set: &[&str]) -> Ended {
        self.command(set).output().unwrap().into()
    }

    /// Runs it with further arguments.
    pub fn run_with(&self, args: &[&str]) -> Ended {
        self.command(&[]).args(args).output().unwrap().into()
    }

    /// Runs it under a scheduler's variables.
    pub fn run_under(&self, variables: &[(&str, &str)]) -> Ended {
        self.run_set_under(&[], variables)
    }

    /// Runs it with other variables of the environment.
    pub fn run_set_under(&self, set: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.command(set);
        command.envs(variables.iter().copied());
        command.output().unwrap().into()
    }

    /// Judges one backbone with the benchmark's data and protocols.
    pub fn evaluate(&self, args: &[&str]) -> Ended {
        Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
            .current_dir(self.path())
            .env_remove("SSL_LOTTERY_PLUGINS")
            .env_remove("SSL_LOTTERY_DATA")
            .args(["evaluate", "bench.toml", "--plugin-dir", "plugins"])
            .args(args)
            .output()
            .unwrap()
            .into()
    }

    /// Starts it.
    pub fn start(&self, set: &[&str]) -> Child {
        self.start_into(set, Stdio::piped(), Stdio::piped())
    }

    /// Starts it with further arguments.
    pub fn start_with(&self, args: &[&str], set: &[&str]) -> Child {
        let mut command = self.command(set);
        command.args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts it with further arguments and its output passed over.
    pub fn start_quietly(&self, args: &[&str], set: &[&str]) -> Child {
        let mut command = self.command(set);
        command.args(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Starts it with its output going somewhere.
    pub fn start_into(&self, set: &[&str], out: Stdio, err: Stdio) -> Child {
        let mut command = self.command(set);
        command.stdout(out).stderr(err);
        command.spawn().unwrap()
    }

    /// The directories of a framework's cells, by name.
    pub fn cells(&self, framework: &str) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(self.path().join("out/cells"))
            .map(|entries| entries.map(|e| e.unwrap().path()).collect())
            .unwrap_or_default();
        paths.retain(|path| path.join("cell.json").exists());
        paths.retain(|path| record(path)["framework"] == framework);
        paths.sort();
        paths
    }

    /// The record of a framework's only cell.
    pub fn record(&self, framework: &str) -> Value {
        let cells = self.cells(framework);
        assert_eq!(cells.len(), 1, "{cells:?}");
        record(&cells[0])
    }
}

pub fn record(cell: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(cell.join("cell.json")).unwrap()).unwrap()
}

/// Waits for at most two minutes.
pub fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the program left.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
