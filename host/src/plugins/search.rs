//! Where plugins are looked for.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory to look for plugins in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The directory.
    pub path: PathBuf,
    /// Who named it: `--plugin-dir`, `SSL_LOTTERY_PLUGINS` or `beside the executable`.
    pub origin: &'static str,
    /// Whether every shared library counts. Beside the executable lie other libraries too, so only
    /// those named like a plugin (`libssl_<id>.so`) do there.
    pub every_library: bool,
}

/// The directories to look for plugins in, in order and without repetition: those given, those of
/// `SSL_LOTTERY_PLUGINS` (a list in the platform's `PATH` syntax), the executable's own.
#[must_use]
pub fn directories(given: &[PathBuf]) -> Vec<Directory> {
    let listed = env::var_os("SSL_LOTTERY_PLUGINS").unwrap_or_default();
    let own = env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let named = |origin| {
        move |path| Directory {
            path,
            origin,
            every_library: true,
        }
    };
    let all = given
        .iter()
        .cloned()
        .map(named("--plugin-dir"))
        .chain(
            env::split_paths(&listed)
                .filter(|path| !path.as_os_str().is_empty())
                .map(named("SSL_LOTTERY_PLUGINS")),
        )
        .chain(beside.map(|path| Directory {
            path,
            origin: "beside the executable",
            every_library: false,
        }));
    let mut directories: Vec<Directory> = Vec::new();
    for directory in all {
        if directories.iter().all(|known| known.path != directory.path) {
            directories.push(directory);
        }
    }
    directories
}

/// The shared libraries of a directory that may be plugins, by name.
///
/// # Errors
/// When the directory cannot be listed.
pub fn libraries(directory: &Directory) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(&directory.path)? {
        let path = entry?.path();
        let is_library = path
            .extension()
            .is_some_and(|extension| extension == env::consts::DLL_EXTENSION);
        let prefix = format!("{}ssl_", env::consts::DLL_PREFIX);
        let is_named = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
        if is_library && (directory.every_library || is_named) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
