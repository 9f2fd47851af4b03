//! Fetches wheels through the user's own pip, so that whatever index it is configured for is used.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::verify::check_wheel;
use super::wheels::{VERSION, Wheel};
use crate::error::Error;
use crate::progress::Progress;

/// How often the growing download is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Platforms whose wheels are accepted, whatever machine pip itself runs on.
const PLATFORMS: &[&str] = &[
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_12_x86_64",
    "manylinux2010_x86_64",
    "manylinux1_x86_64",
];

/// Words in pip's output that mean that no index could be reached.
const NETWORK_WORDS: &[&str] = &[
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionResetError",
    "RemoteDisconnected",
    "Name or service not known",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Could not fetch URL",
    "ProxyError",
    "SSLError",
    "Max retries exceeded",
    "IncompleteRead",
    "Connection aborted",
    "Connection broken",
];

/// A pip that answers.
#[derive(Debug)]
pub struct Pip {
    program: PathBuf,
    arguments: &'static [&'static str],
}

impl Pip {
    /// The first working pip on `path` (the value of `PATH`).
    ///
    /// # Errors
    /// [`Error::NoPip`] when there is a Python without pip, [`Error::NoPython`] when there is none.
    pub fn find(path: &OsStr) -> Result<Self, Error> {
        let on_path = |name: &str| {
            std::env::split_paths(path)
                .map(|dir| dir.join(name))
                .find(|file| file.is_file())
        };
        let mut python = None;
        for (name, arguments) in [
            ("python3", &["-m", "pip"][..]),
            ("python", &["-m", "pip"]),
            ("pip3", &[]),
            ("pip", &[]),
        ] {
            let Some(program) = on_path(name) else {
                continue;
            };
            let pip = Self { program, arguments };
            let answer = pip.command().arg("--version").stdin(Stdio::null()).output();
            if answer.is_ok_and(|output| output.status.success()) {
                return Ok(pip);
            }
            if name.starts_with("python") {
                python.get_or_insert(pip.program);
            }
        }
        Err(match python {
            Some(python) => Error::NoPip {
                python,
                version: VERSION,
            },
            None => Error::NoPython { version: VERSION },
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments);
        command
    }

    /// Puts the verified `wheel` into `dir` and returns its path. A whole wheel that is already
    /// there is taken as it is; a damaged one is fetched again, once.
    pub fn fetch(&self, wheel: &Wheel, dir: &Path) -> Result<PathBuf, Error> {
        let path = dir.join(wheel.file);
        if path.is_file() {
            if check_wheel(wheel, &path).is_ok() {
                return Ok(path);
            }
            eprintln!("{} is damaged, fetching it again", wheel.file);
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
        match self.download(wheel, dir) {
            Err(Error::Hash { .. }) => {
                eprintln!("{} came damaged, fetching it again", wheel.file);
                self.download(wheel, dir)
            }
            other => other,
        }
    }

    /// Fetches a wheel and compares it with its pin; one that differs is not kept.
    fn download(&self, wheel: &Wheel, dir: &Path) -> Result<PathBuf, Error> {
        // pip writes a download to the temporary directory first. That may be a small file system
        // in memory, so it gets one beside the destination; what it leaves there goes with it.
        let scratch = tempdir_in(dir)?;
        let path = dir.join(wheel.file);
        let whole = self
            .run(wheel, &scratch, &dir.join("pip.log"))
            .and_then(|fetched| {
                check_wheel(wheel, &fetched)?;
                fs::rename(&fetched, &path).map_err(Error::io("rename", &fetched))
            });
        fs::remove_dir_all(&scratch).map_err(Error::io("remove", &scratch))?;
        whole.map(|()| path)
    }

    /// Runs pip in `scratch`, and returns where the wheel is.
    fn run(&self, wheel: &Wheel, scratch: &Path, log: &Path) -> Result<PathBuf, Error> {
        let requirements = scratch.join("requirements.txt");
        // With the hash in the request, pip passes over other builds of the same version.
        let line = format!("{} --hash=sha256:{}\n", wheel.requirement, wheel.sha256);
        fs::write(&requirements, line).map_err(Error::io("write", &requirements))?;
        let output = File::create(log).map_err(Error::io("create", log))?;
        let errors = output.try_clone().map_err(Error::io("open", log))?;

        let mut command = self.command();
        command.args(["download", "--no-deps", "--no-cache-dir", "--no-input"]);
        command.args(["--disable-pip-version-check", "--progress-bar", "off"]);
        command.args([
            "--only-binary=:all:",
            "--implementation",
            "cp",
            "--python-version",
            "3.11",
        ]);
        command.args(
            PLATFORMS
                .iter()
                .flat_map(|platform| ["--platform", *platform]),
        );
        command
            .arg("--dest")
            .arg(scratch.join("whole"))
            .arg("-r")
            .arg(&requirements);
        command.env("TMPDIR", scratch).env_remove("PIP_CONSTRAINT");
        command.env("PIP_REQUIRE_VIRTUALENV", "0");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut child = command.spawn().map_err(|source| Error::Start {
            program: self.program.display().to_string(),
            source,
        })?;

        let mut progress =
            Progress::start(format!("downloading {}", wheel.requirement), wheel.bytes);
        let status = loop {
            match child
                .try_wait()
                .map_err(Error::io("wait for", &self.program))?
            {
                Some(status) => break status,
                None => {
                    progress.set(size_below(scratch));
                    std::thread::sleep(POLL);
                }
            }
        };
        if !status.success() {
            let said = fs::read_to_string(log).unwrap_or_default();
            return Err(diagnose(wheel, &said, log.to_owned()));
        }
        progress.finish();
        Ok(scratch.join("whole").join(wheel.file))
    }
}

/// An empty directory in `dir`; one that an earlier run left behind is emptied.
fn tempdir_in(dir: &Path) -> Result<PathBuf, Error> {
    let scratch = dir.join("pip");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).map_err(Error::io("remove", &scratch))?;
    }
    fs::create_dir_all(&scratch).map_err(Error::io("create", &scratch))?;
    Ok(scratch)
}

/// Bytes in the files below `dir`; files that vanish meanwhile count nothing.
fn size_below(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size_below(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// Why pip failed, from what it printed.
fn diagnose(wheel: &Wheel, said: &str, log: PathBuf) -> Error {
    let error_line = said
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with("ERROR:"));
    let last_line = said.lines().rev().find(|line| !line.trim().is_empty());
    let cleaned = |line: &str| line.trim().trim_start_matches("ERROR:").trim().to_owned();
    let detail = error_line
        .or(last_line)
        .map_or_else(|| "no message".to_owned(), cleaned);
    let requirement = wheel.requirement.to_owned();
    if said.contains("No space left on device") || said.contains("Disk quota exceeded") {
        return Error::DiskFull { path: log };
    }
    let reached = |word: &&&str| said.contains(**word);
    if let Some(word) = NETWORK_WORDS.iter().find(reached) {
        return Error::Network {
            requirement,
            detail: (*word).to_owned(),
        };
    }
    if said.contains("DO NOT MATCH THE HASHES") {
        let got = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("Got "));
        return Error::Hash {
            file: wheel.file.to_owned(),
            expected: wheel.sha256.to_owned(),
            found: got.unwrap_or("another").trim().to_owned(),
        };
    }
    if said.contains("No matching distribution") {
        return Error::NoSuchWheel {
            requirement,
            detail,
        };
    }
    Error::Pip {
        requirement,
        detail,
        log,
    }
}

#[cfg(test)]
mod tests;
