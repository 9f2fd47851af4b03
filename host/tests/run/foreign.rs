//! Plugins that are not Rust: one in C without any library, one in C++ on libtorch, both compiled here
//! from `examples/`. They train beside a Rust one, and go on after an interruption.

use crate::bench::Place;
use crate::interrupt::interrupted;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

/// The two libraries, compiled once.
static LIBRARIES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let libtorch = PathBuf::from(std::env::var_os("LIBTORCH").expect("cargo sets LIBTORCH"));
    let include = |path: &str| format!("-I{}", libtorch.join(path).display());
    compile(
        "CC",
        "cc",
        "examples/plugin-c/src/plugin.c",
        "align",
        folder.path(),
        &["-std=c11", "-Wall", "-Wextra"],
        &["-lm"],
    );
    compile(
        "CXX",
        "c++",
        "examples/plugin-cpp/src/plugin.cpp",
        "simsiam",
        folder.path(),
        &[
            "-std=c++17",
            &include("include"),
            &include("include/torch/csrc/api/include"),
        ],
        &[
            &format!("-L{}", libtorch.join("lib").display()),
            "-ltorch",
            "-ltorch_cpu",
            "-lc10",
        ],
    );
    folder
});

/// Compiles a plugin, `source` seen from the repository's root, to `libssl_<name>.so`.
pub fn compile(
    variable: &str,
    default: &str,
    source: &str,
    name: &str,
    to: &Path,
    flags: &[&str],
    libraries: &[&str],
) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = root.join(source);
    let output = Command::new(std::env::var(variable).unwrap_or_else(|_| default.to_owned()))
        .args(["-O1", "-fPIC", "-shared", "-o"])
        .arg(to.join(format!("libssl_{name}.so")))
        .arg("-I")
        .arg(root.join("plugin-api/include"))
        .args(flags)
        .arg(source)
        .args(libraries)
        .output()
        .expect("a compiler is installed");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
}

/// A place whose plugins include the two.
fn place() -> Place {
    let place = Place::new();
    for name in ["libssl_align.so", "libssl_simsiam.so"] {
        std::fs::copy(
            LIBRARIES.path().join(name),
            place.path().join("plugins").join(name),
        )
        .unwrap();
    }
    place
}

#[test]
fn plugins_in_c_and_in_cpp_train_beside_one_in_rust() {
    let place = place();
    let ended = place.run(&[
        "frameworks=['echo', 'align', 'simsiam-cpp']",
        "baselines=[]",
        "pretrain.recipe.epochs=8",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for framework in ["echo", "align", "simsiam-cpp"] {
        let record = place.record(framework);
        assert_eq!(record["status"], "done", "{framework}: {record:#}");
    }
    for framework in ["align", "simsiam-cpp"] {
        let losses = losses(&place, framework);
        let (first, last) = (losses[0], losses[losses.len() - 1]);
        assert!(last < first, "{framework} learns: {first} to {last}");
    }
}

/// The losses in a cell's metrics log, step by step.
fn losses(place: &Place, framework: &str) -> Vec<f64> {
    let journal = place.cells(framework)[0].join("pretrain/metrics.jsonl");
    std::fs::read_to_string(journal)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["kind"] == "step")
        .map(|line| line["loss"].as_f64().unwrap())
        .collect()
}

#[test]
fn plugins_in_c_and_cpp_resume_bit_identically() {
    for framework in ["align", "simsiam-cpp"] {
        let only = format!("frameworks=['{framework}']");
        let set = [only.as_str(), "baselines=[]", "pretrain.recipe.epochs=30"];
        let stopped = interrupted(place, framework, &set);
        let resumed = stopped.run(&set);
        assert_eq!(resumed.code, Some(0), "{resumed:?}");

        let straight = place();
        assert_eq!(straight.run(&set).code, Some(0));
        assert_eq!(
            losses(&stopped, framework),
            losses(&straight, framework),
            "{framework}"
        );
        assert_eq!(
            stopped.record(framework)["results"]["report"],
            straight.record(framework)["results"]["report"],
            "{framework}"
        );
    }
}

#[test]
fn plugins_in_c_and_in_cpp_are_certified() {
    for name in ["libssl_align.so", "libssl_simsiam.so"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
            .arg("conformance")
            .arg(LIBRARIES.path().join(name))
            .args(["--level", "3"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{told}");
    }
}
