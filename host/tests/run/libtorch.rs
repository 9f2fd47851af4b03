//! A libtorch of another release is refused before anything is computed.

use crate::bench::{Ended, Place};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A library that answers for libtorch 2.10.0, to be loaded before it.
fn another_libtorch(place: &Place) -> PathBuf {
    let (source, library) = (place.path().join("other.c"), place.path().join("other.so"));
    let text =
        "unsigned long long aoti_torch_abi_version(void) { return 0x020a000000000000ULL; }\n";
    fs::write(&source, text).unwrap();
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built = Command::new(compiler)
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(built.success());
    library
}

#[test]
fn doctor_and_run_refuse_a_loaded_libtorch_of_another_release() {
    let place = Place::new();
    let library = another_libtorch(&place);
    let program = |args: &[&str]| -> Ended {
        Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
            .current_dir(place.path())
            .env_remove("SSL_LOTTERY_PLUGINS")
            .env_remove("SSL_LOTTERY_DATA")
            .env("LD_PRELOAD", &library)
            .args(args)
            .output()
            .unwrap()
            .into()
    };
    let doctor = program(&["doctor", "--plugin-dir", "plugins"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    let line = doctor.out.lines().find(|line| line.contains("libtorch "));
    let line = line.unwrap();
    assert!(line.starts_with("FAIL"), "{line}");
    for words in ["2.9", "2.10.0", "libtorch_cpu.so"] {
        assert!(line.contains(words), "{line}");
    }
    let run = program(&["run", "bench.toml", "--plugin-dir", "plugins"]);
    assert_eq!(run.code, Some(65), "{run:?}");
    assert!(run.err.contains("found libtorch 2.10.0"), "{run:?}");
    assert!(run.err.contains("LD_LIBRARY_PATH"), "{run:?}");
    assert!(!place.path().join("results").exists(), "{run:?}");
}
