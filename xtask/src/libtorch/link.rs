//! The checkout's `.libtorch`, through which builds and programs find libtorch.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::error::Error;

/// Points `link` at `target`, in one step. `true` when it pointed elsewhere before.
///
/// # Errors
/// [`Error::Io`] when `link` is a directory of its own, or cannot be written.
pub fn point(link: &Path, target: &Path) -> Result<bool, Error> {
    let before = fs::read_link(link).ok();
    if before.as_deref() == Some(target) {
        return Ok(false);
    }
    let fresh = link.with_extension(format!("{}.new", std::process::id()));
    drop(fs::remove_file(&fresh));
    symlink(target, &fresh).map_err(Error::io("link", &fresh))?;
    fs::rename(&fresh, link).map_err(Error::io("replace", link))?;
    Ok(before.is_some())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn points_and_points_anew() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join(".libtorch");
        assert!(!point(&link, Path::new("/a")).unwrap());
        assert!(!point(&link, Path::new("/a")).unwrap());
        assert!(point(&link, Path::new("/b")).unwrap());
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("/b"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_real_directory_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join(".libtorch");
        fs::create_dir_all(link.join("lib")).unwrap();
        assert!(point(&link, Path::new("/a")).is_err());
        assert!(link.join("lib").is_dir());
    }
}
