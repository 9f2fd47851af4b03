//! Which libtorch this process runs on.
#![cfg_attr(
    unix,
    expect(
        unsafe_code,
        reason = "a library is opened, which runs its initialisers; a function of libtorch is called"
    )
)]

use ssl_plugin_api::{LIBTORCH, is_same_libtorch};
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The libtorch in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The file `libtorch_cpu.so`.
    pub path: PathBuf,
    /// Its release, where the library or its installation says it.
    pub version: Option<String>,
}

/// The libtorch in this process is another one than this program was compiled for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected libtorch {LIBTORCH}, for which this program was built, found libtorch {found} ({})", path.display())]
pub struct WrongLibtorch {
    /// The release found.
    pub found: String,
    /// Its file.
    pub path: PathBuf,
}

/// How to get the libtorch back that the program was built for.
pub const FIX: &str = "unset LD_LIBRARY_PATH, or take the folder of that libtorch out of it";

/// Refuses the libtorch that the system's loader has found where it is of another release than this
/// program was compiled for. Without the check, the first call that differs between them ends the
/// process. An unknown release is accepted.
///
/// # Errors
/// [`WrongLibtorch`].
pub fn check() -> Result<(), WrongLibtorch> {
    loaded().map_or(Ok(()), |found| compare(&found))
}

fn compare(found: &Loaded) -> Result<(), WrongLibtorch> {
    match &found.version {
        Some(version) if !is_same_libtorch(version) => Err(WrongLibtorch {
            found: version.clone(),
            path: found.path.clone(),
        }),
        _ => Ok(()),
    }
}

/// Looks the library up among the files mapped into this process; `None` on platforms
/// that do not list them.
#[must_use]
pub fn loaded() -> Option<Loaded> {
    // Any call keeps the linker from leaving the library out.
    let _ = tch::get_num_threads();
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])))
        .find(|path| path.file_name().is_some_and(|n| n == "libtorch_cpu.so"))?;
    Some(Loaded {
        path: path.to_owned(),
        version: version_inside().or_else(|| version_beside(path)),
    })
}

/// What the library in memory says itself. libtorch has the function since release 2.9.
fn version_inside() -> Option<String> {
    #[cfg(unix)]
    {
        use libloading::os::unix::Library;
        // SAFETY: the function is in libtorch's C interface: no arguments, a number back, no state.
        let version = unsafe {
            let function = Library::this()
                .get::<unsafe extern "C" fn() -> u64>(c"aoti_torch_abi_version")
                .ok()?;
            function()
        };
        // One byte each for major, minor and patch release, from the top.
        let [major, minor, patch, ..] = version.to_be_bytes();
        Some(format!("{major}.{minor}.{patch}"))
    }
    #[cfg(not(unix))]
    None
}

/// The part of libtorch that computes on NVIDIA's GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CudaPart {
    /// This libtorch is one for CPUs.
    Absent,
    /// It is open.
    Open,
    /// It is there, and the system's loader refused it.
    Refused(String),
}

/// Opens `libtorch_cuda.so` where it lies beside the `libtorch_cpu.so` of this process; its
/// initialisers then tell libtorch of the devices. Nothing in this program refers to the library, so
/// the linker leaves it out. The first call decides, and is to come before libtorch is asked for
/// anything.
pub fn cuda_part() -> &'static CudaPart {
    static PART: OnceLock<CudaPart> = OnceLock::new();
    PART.get_or_init(|| {
        loaded().map_or(CudaPart::Absent, |found| {
            open(&found.path.with_file_name("libtorch_cuda.so"))
        })
    })
}

fn open(library: &Path) -> CudaPart {
    if !library.exists() {
        return CudaPart::Absent;
    }
    #[cfg(unix)]
    {
        use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
        // SAFETY: the file is a part of the libtorch that runs already; its initialisers are meant to
        // run on loading, which this program does before it starts threads.
        match unsafe { Library::open(Some(library), RTLD_NOW | RTLD_LOCAL) } {
            Ok(library) => {
                // It stays until the process ends: libtorch keeps pointers into it.
                std::mem::forget(library);
                CudaPart::Open
            }
            // What the loader says is the cause of the error, not the error.
            Err(error) => CudaPart::Refused(
                error
                    .source()
                    .map_or_else(|| error.to_string(), ToString::to_string),
            ),
        }
    }
    #[cfg(not(unix))]
    CudaPart::Absent
}

/// The archive from pytorch.org has `build-version` beside `lib`, the Python wheel `version.py`.
fn version_beside(library: &Path) -> Option<String> {
    let root = library.parent()?.parent()?;
    if let Ok(version) = fs::read_to_string(root.join("build-version")) {
        return Some(version.trim().to_owned());
    }
    let text = fs::read_to_string(root.join("version.py")).ok()?;
    let line = text.lines().find(|line| line.starts_with("__version__"))?;
    line.split('\'').nth(1).map(str::to_owned)
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn libtorch_of_another_release_is_refused_with_both_releases_and_the_file() {
        let found = |version: Option<&str>| Loaded {
            path: "/opt/torch/lib/libtorch_cpu.so".into(),
            version: version.map(str::to_owned),
        };
        assert_eq!(compare(&found(Some("2.9.1"))), Ok(()));
        assert_eq!(compare(&found(None)), Ok(()));
        for version in ["2.10.0", "2.90.0", "3.0.0"] {
            let refused = compare(&found(Some(version))).unwrap_err().to_string();
            for words in [LIBTORCH, version, "/opt/torch/lib/libtorch_cpu.so"] {
                assert!(refused.contains(words), "{refused}");
            }
        }
    }

    #[test]
    fn loaded_library_tells_its_own_release() {
        assert_eq!(
            version_inside().unwrap(),
            ssl_plugin_tensor::libtorch_version()
        );
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn libtorch_cuda_is_opened_and_its_load_error_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("libtorch_cuda.so");
        assert_eq!(open(&library), CudaPart::Absent);
        fs::write(&library, "not a library").unwrap();
        let CudaPart::Refused(why) = open(&library) else {
            panic!("a text file was opened as a library");
        };
        assert!(why.contains("libtorch_cuda.so"), "{why}");
        // Any library of this process will do as one that can be opened.
        fs::copy(
            loaded().unwrap().path.with_file_name("libgomp.so.1"),
            &library,
        )
        .unwrap();
        assert_eq!(open(&library), CudaPart::Open);
    }
}
