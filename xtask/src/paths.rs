//! Where things are: the checkout, the build directory, the user's cache.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The checkout that the task works on.
pub struct Checkout {
    root: PathBuf,
    target: PathBuf,
}

impl Checkout {
    /// The checkout that this program was built in.
    pub fn find() -> Result<Self, Error> {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest_dir.parent().unwrap_or(manifest_dir).to_owned();
        if !root.join("Cargo.toml").is_file() {
            return Err(Error::NoCheckout(root));
        }
        let program = env::current_exe().map_err(Error::io("locate", Path::new("this program")))?;
        // This program is `<target>/release/xtask`.
        let target = program.ancestors().nth(2).unwrap_or(&root).to_owned();
        Ok(Self { root, target })
    }

    /// The directory that holds the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The link to libtorch, which the build and the run path of every program go through.
    pub fn libtorch(&self) -> PathBuf {
        self.root.join(".libtorch")
    }
}

/// The project's directory in the user's cache: `$XDG_CACHE_HOME/ssl-lottery`, else
/// `~/.cache/ssl-lottery`. A relative `XDG_CACHE_HOME` counts as unset, as its specification says.
pub fn cache_dir(xdg: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, Error> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|p| p.is_absolute());
    absolute(xdg)
        .or_else(|| absolute(home).map(|home| home.join(".cache")))
        .map(|cache| cache.join("ssl-lottery"))
        .ok_or(Error::NoCacheDir)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn cache_prefers_xdg_then_home() {
        let some = |path: &str| Some(OsString::from(path));
        let dir = |xdg, home| cache_dir(xdg, home).unwrap();
        assert_eq!(dir(some("/x"), some("/h")), Path::new("/x/ssl-lottery"));
        assert_eq!(
            dir(some("rel"), some("/h")),
            Path::new("/h/.cache/ssl-lottery")
        );
        assert_eq!(dir(None, some("/h")), Path::new("/h/.cache/ssl-lottery"));
        assert!(matches!(
            cache_dir(some("rel"), None),
            Err(Error::NoCacheDir)
        ));
    }
}
