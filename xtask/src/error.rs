//! What can go wrong in a task. Every message is one line and ends with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// A failed task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading, writing or renaming failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The disk became full while writing.
    #[error("the disk is full at {path}: free some space, or set XDG_CACHE_HOME to a larger disk")]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// The disk has too little room to begin.
    #[error(
        "expected {needed_mb} MB free in {path}, found {free_mb} MB: free some space, or set \
         XDG_CACHE_HOME to a larger disk"
    )]
    DiskSpace {
        /// The cache directory.
        path: PathBuf,
        /// Megabytes that set-up needs.
        needed_mb: u64,
        /// Megabytes that are there.
        free_mb: u64,
    },
    /// Neither variable tells where the user's cache is.
    #[error("neither XDG_CACHE_HOME nor HOME is set: set one, libtorch is kept below it")]
    NoCacheDir,
    /// The task program was moved away from its checkout.
    #[error("expected the checkout at {0}, found no Cargo.toml there: run `cargo xtask` inside it")]
    NoCheckout(PathBuf),
    /// The wheels are for one platform only.
    #[error(
        "expected linux on x86_64, found {os} on {arch}: install libtorch {version} yourself and \
         set LIBTORCH to it"
    )]
    Platform {
        /// The operating system.
        os: &'static str,
        /// The processor.
        arch: &'static str,
        /// The libtorch that is needed.
        version: &'static str,
    },
    /// No Python on the PATH.
    #[error(
        "found no python3, python, pip3 or pip on PATH: install Python 3 with pip (Debian: `apt \
         install python3-pip`), or set LIBTORCH to a libtorch {version}"
    )]
    NoPython {
        /// The libtorch that is needed.
        version: &'static str,
    },
    /// Python is there, pip is not.
    #[error(
        "found {python} but it has no pip: run `{python} -m ensurepip --user` or install your \
         system's python3-pip, or set LIBTORCH to a libtorch {version}"
    )]
    NoPip {
        /// The interpreter found.
        python: PathBuf,
        /// The libtorch that is needed.
        version: &'static str,
    },
    /// pip could not reach its package index.
    #[error(
        "pip could not reach its package index for {requirement} ({detail}): check the network and \
         `pip config list`, then run `cargo xtask setup` again"
    )]
    Network {
        /// What was asked for.
        requirement: String,
        /// pip's words.
        detail: String,
    },
    /// The package index does not carry the wheel.
    #[error(
        "pip's package index has no wheel of {requirement} with the pinned hash ({detail}): use an \
         index that mirrors the public one, or set LIBTORCH to a libtorch of your own"
    )]
    NoSuchWheel {
        /// What was asked for.
        requirement: String,
        /// pip's words.
        detail: String,
    },
    /// pip failed otherwise.
    #[error("pip could not download {requirement} ({detail}): its output is in {log}")]
    Pip {
        /// What was asked for.
        requirement: String,
        /// pip's last error.
        detail: String,
        /// Where its whole output is.
        log: PathBuf,
    },
    /// A wheel is not the one that was pinned.
    #[error(
        "expected sha256 {expected} for {file}, found {found}: the download is damaged or was \
         replaced; run `cargo xtask setup` again, and if it stays so check your package index"
    )]
    Hash {
        /// The wheel's file name.
        file: String,
        /// The pinned hash.
        expected: String,
        /// The hash of what came.
        found: String,
    },
    /// A wheel cannot be read as a zip archive.
    #[error("cannot unpack {file}: {source}: run `cargo xtask setup` again")]
    Archive {
        /// The wheel's file name.
        file: String,
        /// Why.
        source: zip::result::ZipError,
    },
    /// A verified wheel lacks a file that libtorch needs.
    #[error("expected {missing} in the unpacked wheels, found none: the pinned list is wrong")]
    Incomplete {
        /// The first missing file.
        missing: PathBuf,
    },
    /// The user's libtorch is not one.
    #[error(
        "expected a libtorch (lib/libtorch_cpu.so and include/) in {path} (from {origin}), found \
         none: correct or remove it"
    )]
    NotLibtorch {
        /// The directory.
        path: PathBuf,
        /// Where the path came from.
        origin: &'static str,
    },
    /// The user's libtorch has another version.
    #[error(
        "expected libtorch {expected}, found {found} in {path} (from {origin}): remove it and \
         setup fetches {expected}, or set LIBTORCH_BYPASS_VERSION_CHECK=1 to try"
    )]
    Version {
        /// The version that the bindings want.
        expected: &'static str,
        /// The version found.
        found: String,
        /// The directory.
        path: PathBuf,
        /// Where the path came from.
        origin: &'static str,
    },
    /// `cargo` or the built program cannot be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program or plugin that is to be packed was not built.
    #[error(
        "expected {0}, found no such file: leave out --built, or run `cargo build --release --workspace`"
    )]
    NotBuilt(PathBuf),
    /// The libtorch in the checkout cannot be packed.
    #[error(
        "expected a libtorch for CPUs in {0}, found another: run `cargo xtask setup --flavour cpu`"
    )]
    NotForCpus(PathBuf),
    /// The torch that an archive is to be built for is another, or none.
    #[error(
        "expected torch {expected} in {path}, found {}: install it (`pip install 'torch=={expected}.*'`) and name its \
         folder with --from, or its interpreter in SSL_LOTTERY_PYTHON",
        found.as_deref().unwrap_or("none")
    )]
    OtherTorch {
        /// The release that is wanted.
        expected: String,
        /// The version that is there.
        found: Option<String>,
        /// The folder.
        path: PathBuf,
    },
    /// A program was linked with another run path than cargo's configuration asks for.
    #[error(
        "expected the run path of .cargo/config.toml once in {path}, found it {found} times: unset RUSTFLAGS and \
         build again"
    )]
    RunPath {
        /// The program or library.
        path: PathBuf,
        /// How often it is there.
        found: usize,
    },
    /// A build step failed; cargo has said why.
    #[error("`{command}` failed, see its messages above")]
    Failed {
        /// The command.
        command: String,
    },
}

impl Error {
    /// Turns an I/O error at `path` into an [`Error`]; a full disk has its own variant.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path },
            _ => Error::Io {
                action,
                path,
                source,
            },
        }
    }
}
