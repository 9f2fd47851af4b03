//! The bad plugin's library, compiled, under the names that say which mistake it makes.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The compiled libraries.
pub struct Libraries {
    folder: TempDir,
}

impl Libraries {
    /// Compiles the plugin, its form with a missing symbol, and a file that is named like libtorch.
    pub fn compile() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let to = |name: &str| folder.path().join(name);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let include = format!("-I{}", root.join("../plugin-api/include").display());
        let source = root.join("bad-plugins/bad.cpp");
        let flags = [
            "-std=c++17",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Wl,-z,lazy",
            &include,
        ];
        compile("CXX", "c++", &source, &to("libssl_bad.so"), &flags);
        let unresolved = [&flags[..], &["-DUNRESOLVED"]].concat();
        compile(
            "CXX",
            "c++",
            &source,
            &to("libssl_bad-refers-to-nothing.so"),
            &unresolved,
        );
        std::fs::create_dir(to("second")).expect("a folder");
        let empty = to("empty.c");
        std::fs::write(&empty, "int nothing;\n").expect("a file");
        compile(
            "CC",
            "cc",
            &empty,
            &to("second/libtorch_cpu.so"),
            &["-nostdlib"],
        );
        Self { folder }
    }

    /// The plugin of ABI 1.0 that is never edited.
    pub fn frozen(&self) -> PathBuf {
        self.c("frozen/plugin.c", "frozen", &[])
    }

    /// The example in C.
    pub fn align(&self) -> PathBuf {
        self.c("../examples/plugin-c/src/plugin.c", "align", &["-lm"])
    }

    fn c(&self, source: &str, name: &str, more: &[&str]) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let source = root.join(source);
        let to = self.folder.path().join(format!("libssl_{name}.so"));
        let include = format!("-I{}", root.join("../plugin-api/include").display());
        let flags = [&["-std=c11", "-O1", &include][..], more].concat();
        compile("CC", "cc", &source, &to, &flags);
        to
    }

    /// The library that makes no mistake.
    pub fn without_mistakes(&self) -> PathBuf {
        self.folder.path().join("libssl_bad.so")
    }

    /// The library that makes this mistake.
    pub fn with(&self, mistake: &str) -> PathBuf {
        let path = self.folder.path().join(format!("libssl_bad-{mistake}.so"));
        if !path.exists() {
            std::fs::copy(self.without_mistakes(), &path).expect("a copy");
        }
        path
    }
}

fn compile(variable: &str, default: &str, source: &Path, to: &Path, flags: &[&str]) {
    let compiler = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let output = Command::new(compiler)
        .args(["-fPIC", "-shared", "-o"])
        .arg(to)
        .arg(source)
        .args(flags)
        .output()
        .expect("a compiler is installed");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
}
