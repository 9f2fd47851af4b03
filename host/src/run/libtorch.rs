//! Which libtorch this process runs on.

use std::fs;
use std::path::{Path, PathBuf};

/// The libtorch in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The file `libtorch_cpu.so`.
    pub path: PathBuf,
    /// Its release, where the installation says it.
    pub version: Option<String>,
}

/// Looks the library up among the files mapped into this process; `None` where the platform does
/// not tell.
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
        version: version_beside(path),
    })
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
