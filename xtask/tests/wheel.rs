//! The wheel: installed into a fresh environment, where nothing but Python is.
//!
//! Without a harness, so that a machine without Python's `venv` shows the test as ignored and not as passed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

const NAME: &str = "wheel_runs_the_benchmark_and_the_report_in_a_fresh_environment";

const FRAMEWORKS: [&str; 12] = [
    "simclr",
    "moco",
    "pcl",
    "deepcluster",
    "sela",
    "swav",
    "byol",
    "simsiam",
    "dino",
    "obow",
    "barlow",
    "vicreg",
];

/// What the list, the metadata and the list of parts say, compared with what was installed.
const CHECK: &str = r#"
import base64, hashlib, importlib.metadata, json, sys
package = importlib.metadata.distribution("ssl-lottery")
assert package.requires == [sys.argv[1]], package.requires
checked = 0
for file in package.files:
    if file.hash and "dist-info" not in str(file):
        digest = hashlib.sha256(file.locate().read_bytes()).digest()
        assert file.hash.value == base64.urlsafe_b64encode(digest).decode().rstrip("="), file
        checked += 1
assert checked > 30, checked
info = {str(file).split("dist-info/")[1]: file for file in package.files if "dist-info/" in str(file)}
parts = json.loads(info["sboms/ssl-lottery.cdx.json"].read_text())["components"]
names = {part["name"] for part in parts}
assert {"tch", "burn", "ssl-simclr"} <= names and "xtask" not in names, names
assert ("libtorch_cpu.so" in names) == ("extra" in sys.argv[1]), names
assert "Permission is hereby granted" in info["licenses/crates.txt"].read_text()
assert {"licenses/LICENSE-MIT", "licenses/LICENSE-APACHE"} <= set(info), set(info)
"#;

fn main() -> ExitCode {
    let wanted = std::env::args().skip(1).find(|it| !it.starts_with('-'));
    if wanted.is_some_and(|piece| !NAME.contains(&piece)) {
        return ExitCode::SUCCESS;
    }
    let python = Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .output();
    if !python.is_ok_and(|it| it.status.success()) {
        println!("test {NAME} ... ignored, there is no python3 with venv here");
        return ExitCode::SUCCESS;
    }
    wheel_is_whole_and_runs();
    println!("test {NAME} ... ok");
    ExitCode::SUCCESS
}

fn wheel_is_whole_and_runs() {
    let place = tempfile::tempdir().unwrap();
    let home = Home(place.path());
    let thin = home.dist("cuda");
    let bytes = fs::read(&thin).unwrap();
    let again = fs::read(home.dist("cuda")).unwrap();
    assert!(bytes == again, "equal builds have equal wheels");
    let wheel = home.dist("cpu");

    succeed(&mut home.command("python3", &["-m", "venv", "env"]));
    let python = home.0.join("env/bin/python");
    let program = home.0.join("env/bin/ssl-lottery");
    let pip = |args: &[&str]| {
        let mut command = home.command(&python, &["-m", "pip", "--disable-pip-version-check"]);
        succeed(command.args(args))
    };
    // Without its torch the thin wheel says what is missing.
    pip(&["install", "--no-index", "--no-deps", thin.to_str().unwrap()]);
    let lacking = output(&mut home.command(&program, &["plugins"]));
    assert_eq!(lacking.status.code(), Some(65), "{lacking:?}");
    assert!(said(&lacking).contains("expected torch"), "{lacking:?}");
    succeed(&mut home.command(&python, &["-c", CHECK, "torch==2.9.0"]));

    let wheel = wheel.to_str().unwrap();
    pip(&["install", "--no-index", "--force-reinstall", wheel]);
    pip(&["check"]);
    let requirement = "torch>=2.4; extra == \"frameworks\"";
    succeed(&mut home.command(&python, &["-c", CHECK, requirement]));
    let plugins = said(&succeed(
        &mut home.command(&program, &["plugins", "--strict"]),
    ));
    for id in FRAMEWORKS {
        assert!(plugins.contains(id), "{id}: {plugins}");
    }
    let run = [
        "run",
        "bench/ci.toml",
        "--set",
        "frameworks=[\"simsiam\"]",
        "--set",
        "evaluate.protocols=[\"knn\"]",
    ];
    let table = said(&succeed(&mut home.command(&program, &run)));
    assert!(table.contains("simsiam"), "{table}");
    assert!(home.0.join("results/ci/scores.csv").exists());
    let study = ["report", "--study", "ozbulak2024"];
    let report = said(&succeed(&mut home.command(&program, &study)));
    assert!(report.contains("SimCLR"), "{report}");
}

/// A folder that is home and working directory of what is started.
struct Home<'a>(&'a Path);

impl Home<'_> {
    /// A command in an environment with nothing but a search path.
    fn command(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.0)
            .env_clear()
            .env("HOME", self.0)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Packs what was built.
    fn dist(&self, kind: &str) -> PathBuf {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["dist", "--built", "--level", "1", "--kind", kind, "--out"]);
        let shown = succeed(command.arg(self.0)).stdout;
        let shown = String::from_utf8(shown).unwrap();
        let path = PathBuf::from(shown.lines().next().unwrap());
        let name = format!("ssl_lottery-0.1.0+{kind}-py3-none-linux_x86_64.whl");
        assert!(path.ends_with(name), "{shown}");
        path
    }
}

fn output(command: &mut Command) -> Output {
    let shown = format!("{command:?}");
    command
        .output()
        .unwrap_or_else(|error| panic!("{shown}: {error}"))
}

fn succeed(command: &mut Command) -> Output {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output
}

/// Standard output and standard error.
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
