//! Projects that `ssl-lottery new` writes: what is in them. That they build and are certified is tried in `workflows`.
#![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
}

fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A new project named `my-idea`.
fn project(language: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let output = program()
        .args(["new", "my-idea", "--lang", language, "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", words(&output));
    dir
}

/// Every text file of a project but the header, which is the host's.
fn texts(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() || path.ends_with("ssl_lottery.h") {
            continue;
        }
        if path.is_dir() {
            found.extend(texts(&path));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
    found
}

#[test]
fn nothing_of_the_example_is_left_in_a_new_project() {
    for (language, left) in [
        (
            "rust",
            ["align-uniform", "AlignUniform", "align_uniform", "example_"],
        ),
        (
            "cpp",
            ["simsiam-cpp", "SimSiam in C++", "simsiam_cpp", "../.."],
        ),
        ("c", ["\"align\"", "Align", "libssl_align", "../.."]),
        ("python", ["nt-xent", "NtXent", "ssl_nt_xent", "../.."]),
    ] {
        let project = project(language);
        let texts = texts(project.path());
        assert!(texts.len() >= 7, "{language}: {texts:?}");
        for (path, text) in texts {
            for word in left {
                // The run path of a library leads up to the project.
                let text = text.replace("$ORIGIN/../..", "");
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    }
}

#[test]
fn a_project_in_python_names_its_entry_point_and_the_package_of_this_checkout() {
    let project = project("python");
    let read = |path: &str| std::fs::read_to_string(project.path().join(path)).unwrap();
    let manifest: toml::Table = toml::from_str(&read("pyproject.toml")).unwrap();
    let points = &manifest["project"]["entry-points"]["ssl_lottery.frameworks"];
    assert_eq!(points["my-idea"].as_str(), Some("ssl_my_idea:MyIdea"));
    assert!(read("ssl_my_idea.py").contains("class MyIdea(ssl.Framework):"));
    let readme = read("README.md");
    let package = readme.split("pip install torch ").nth(1).unwrap();
    let package = Path::new(package.lines().next().unwrap());
    assert!(package.join("pyproject.toml").is_file(), "{readme}");
}

#[test]
fn the_manifest_of_a_new_project_names_the_kit_of_this_checkout() {
    let project = project("rust");
    let text = std::fs::read_to_string(project.path().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    assert_eq!(manifest["package"]["name"].as_str(), Some("ssl-my-idea"));
    let kit = &manifest["dependencies"]["ssl-plugin-kit"];
    let path = Path::new(kit["path"].as_str().unwrap());
    assert!(
        path.is_absolute() && path.join("Cargo.toml").is_file(),
        "{kit}"
    );
    assert!(project.path().join(".libtorch/lib").is_dir());
    let config = std::fs::read_to_string(project.path().join(".cargo/config.toml")).unwrap();
    let config: toml::Table = toml::from_str(&config).unwrap();
    let libtorch = &config["env"]["LIBTORCH"];
    assert_eq!(libtorch["value"].as_str(), Some(".libtorch"));
    assert_eq!(libtorch["relative"].as_bool(), Some(true));
}

#[test]
fn bad_ids_and_full_folders_are_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    for id in ["../x", "My", "a_b", "-a", "é"] {
        let target = dir.path().join("project");
        let output = program()
            .arg("new")
            .arg("--dir")
            .arg(&target)
            .args(["--", id])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(65), "{id}: {}", words(&output));
        assert!(
            words(&output).contains("[a-z0-9][a-z0-9-]*"),
            "{}",
            words(&output)
        );
        assert!(!target.exists());
    }
    std::fs::write(dir.path().join("mine"), "kept").unwrap();
    let output = program()
        .args(["new", "mine", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(65));
    assert!(words(&output).contains("not empty"), "{}", words(&output));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn the_guide_quotes_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (guide, example) = (
        read("docs/plugin-guide.md"),
        read("examples/plugin/src/lib.rs"),
    );
    let quotes: Vec<&str> = guide
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(quotes.len() >= 4, "{quotes:?}");
    for quote in quotes {
        assert!(example.contains(quote), "{quote}");
    }
}
