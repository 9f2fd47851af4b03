//! Tiny wheels and a stand-in for pip, for the tests of set-up.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use zip::write::FileOptions;

use super::verify::sha256;
use super::wheels::{Flavour, Keep, Plan, Wheel};

/// A user's machine: a PATH with a stand-in for Python, wheels that it serves, a cache.
pub struct Machine {
    dir: TempDir,
    pub plan: Plan,
}

impl Machine {
    /// A machine whose pip serves both wheels of a tiny libtorch.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["bin", "served", "cache"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let torch = [
            ("torch/include/torch/a.h", "header"),
            ("torch/lib/libtorch_cpu.so", "the library"),
            ("torch/lib/libtorch.so", "refers to cuda"),
            ("torch/lib/libtorch_cuda.so", "cuda"),
        ];
        let runtime = [
            ("nvidia/r/lib/libr.so.1", "runtime"),
            ("nvidia/r/lib/other.so", "no"),
        ];
        let served = dir.path().join("served");
        let wheels = vec![
            wheel(&served, "torch==1", "torch-1-x.whl", &torch, Keep::Torch),
            wheel(
                &served,
                "r==2",
                "r-2-x.whl",
                &runtime,
                Keep::Libraries(&["libr.so.1"]),
            ),
        ];
        let required = &["include/torch/a.h", "lib/libtorch_cpu.so", "lib/libr.so.1"];
        let plan = Plan {
            flavour: Flavour::Cpu,
            wheels,
            unpacked_bytes: 100,
            required,
        };
        let machine = Self { dir, plan };
        let served = machine.served().display().to_string();
        machine.pip_does(&format!(
            "mkdir -p \"$dest\"; cp {served}/\"$file\" \"$dest\"/"
        ));
        machine
    }

    /// Replaces what `pip download` does: shell commands that may use `$dest` (a folder), `$file`
    /// (the wheel asked for) and `$calls` (calls so far, this one included).
    pub fn pip_does(&self, commands: &str) {
        let names = self.plan.wheels.iter().map(|wheel| {
            let name = wheel.requirement;
            format!(
                "grep -q '^{name} --hash=sha256:{}$' \"$list\" && file={}\n",
                wheel.sha256, wheel.file
            )
        });
        let script = format!(
            "#!/bin/sh\n[ \"$3\" = --version ] && exit 0\n\
             while [ $# -gt 0 ]; do\n\
             case \"$1\" in --dest) dest=$2;; -r) list=$2;; esac; shift; done\n{}\
             echo \"$file\" >> {log}\ncalls=$(wc -l < {log})\n{commands}\n",
            names.collect::<String>(),
            log = self.log().display(),
        );
        self.program("python3", &script);
    }

    /// Puts a shell script on the PATH.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.dir.path().join("bin").join(name);
        // Not written by this process: a file that it has open for writing is inherited by whatever
        // another test starts meanwhile, and cannot be run until that lets go of it.
        let mut write = Command::new("sh");
        write.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]);
        assert!(write.arg(&path).arg(script).status().unwrap().success());
    }

    pub fn path(&self) -> OsString {
        self.dir.path().join("bin").into_os_string()
    }

    pub fn served(&self) -> PathBuf {
        self.dir.path().join("served")
    }

    pub fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("calls")
    }

    /// The wheels that pip was asked for, in order.
    pub fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Writes a wheel and pins it.
fn wheel(
    dir: &Path,
    requirement: &'static str,
    file: &'static str,
    entries: &[(&str, &str)],
    keep: Keep,
) -> Wheel {
    let path = dir.join(file);
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, content) in entries {
        zip.start_file(*name, FileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let bytes = path.metadata().unwrap().len();
    let sha256 = String::leak(sha256(&path, |_| ()).unwrap());
    Wheel {
        requirement,
        file,
        sha256,
        bytes,
        keep,
    }
}

/// Cuts the last byte off a file.
pub fn truncate(path: &Path) {
    let length = path.metadata().unwrap().len();
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(length - 1)
        .unwrap();
}
