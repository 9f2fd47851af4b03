//! Plugins in C, compiled by the tests that load them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The frozen plugin under these flags (`LONG`, `MAJOR=2`, …), in a folder of its own.
pub fn frozen(folder: &Path, flags: &[&str]) -> PathBuf {
    let source = "../tests/frozen/plugin.c";
    let to = folder.join("libssl_frozen.so");
    let mut compiler = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    compiler
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["-std=c11", "-O1", "-fPIC", "-shared", source, "-o"])
        .arg(&to)
        .args(flags.iter().map(|flag| format!("-D{flag}")));
    let output = compiler.output().expect("a C compiler is installed");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    to
}
