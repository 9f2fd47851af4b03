//! The archive: unpacked beside a torch of the machine's own, where nothing else is.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::read::GzDecoder;
use tempfile::TempDir;

/// The largest archive, in bytes.
const LARGEST: u64 = 60 << 20;

fn dist(arguments: &[&str], out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["dist", "--built", "--level", "1", "--out"])
        .arg(out)
        .args(arguments)
        .output()
        .unwrap()
}

/// An unpacked archive, and Python packages with a `torch` of this version, which is this checkout's libtorch.
struct Machine {
    home: TempDir,
    program: PathBuf,
}

impl Machine {
    fn new(version: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let output = dist(&["--torch", "2.9"], home.path());
        assert!(output.status.success(), "{}", said(&output));
        let name = "ssl-lottery-0.1.0-torch2.9";
        let path = home.path().join(format!("{name}-linux_x86_64.tar.gz"));
        assert!(path.metadata().unwrap().len() < LARGEST);
        let archive = GzDecoder::new(File::open(path).unwrap());
        tar::Archive::new(archive).unpack(home.path()).unwrap();
        let torch = home.path().join("packages/torch");
        fs::create_dir_all(&torch).unwrap();
        fs::write(torch.join("__init__.py"), "raise ImportError\n").unwrap();
        fs::write(
            torch.join("version.py"),
            format!("__version__ = '{version}+cpu'\n"),
        )
        .unwrap();
        let libtorch = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.libtorch/lib");
        symlink(libtorch.canonicalize().unwrap(), torch.join("lib")).unwrap();
        let program = home.path().join(name).join("ssl-lottery");
        Self { home, program }
    }

    /// Starts the program with nothing set but these.
    fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(&self.program)
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }
}

/// Standard output and standard error.
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn archive_runs_with_the_torch_that_is_there() {
    let machine = Machine::new("2.9.1");
    let torch = machine.home.path().join("packages/torch/lib");
    let given = [("TORCH_LIB", torch.to_str().unwrap())];
    let packages = machine.home.path().join("packages");
    let found = [("PYTHONPATH", packages.to_str().unwrap())];
    for variables in [&given, &found] {
        let plugins = machine.start(&["plugins", "--strict"], variables);
        assert!(plugins.status.success(), "{}", said(&plugins));
        for id in ["simclr", "vicreg", "obow"] {
            assert!(said(&plugins).contains(id), "{}", said(&plugins));
        }
    }
    let run = ["run", "bench/ci.toml", "--set", "frameworks=[\"simsiam\"]"];
    let knn = ["--set", "evaluate.protocols=[\"knn\"]"];
    let table = machine.start(&[&run[..], &knn].concat(), &given);
    assert!(table.status.success(), "{}", said(&table));
    assert!(machine.home.path().join("results/ci/scores.csv").exists());
    for file in [
        "benches/peer/pretext_peer.py",
        "tests/golden/README.md",
        "licenses/crates.txt",
        "ssl_lottery/__init__.py",
    ] {
        assert!(machine.program.with_file_name(file).is_file(), "{file}");
    }
}

#[test]
fn another_torch_and_none_are_refused_in_one_line() {
    let machine = Machine::new("2.11.0");
    let packages = machine.home.path().join("packages");
    let nowhere = machine.home.path().join("nowhere");
    for (name, value, words) in [
        (
            "PYTHONPATH",
            &packages,
            "expected torch 2.9, for which this program was built, found 2.11.0+cpu",
        ),
        ("TORCH_LIB", &nowhere, "expected libtorch_cpu.so in "),
        (
            "SSL_LOTTERY_PYTHON",
            &nowhere,
            "expected a Python interpreter, found none that runs",
        ),
    ] {
        let output = machine.start(&["plugins"], &[(name, value.to_str().unwrap())]);
        assert_eq!(output.status.code(), Some(65), "{}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
        let own = said(&output)
            .lines()
            .filter(|line| line.starts_with("ssl-lottery: "))
            .count();
        assert_eq!(own, 1, "{}", said(&output));
    }
    let output = dist(&["--torch", "2.11"], machine.home.path());
    assert!(!output.status.success());
    assert!(
        said(&output).contains("expected torch 2.11 in "),
        "{}",
        said(&output)
    );
}
