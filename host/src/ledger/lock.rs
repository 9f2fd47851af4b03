//! A folder that one process works in.

use super::error::{LedgerError, io_error};
use crate::atomic;
use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Name of the lock's file.
const FILE: &str = ".lock";
/// The longest wait between two looks at a lock.
const TICK: Duration = Duration::from_millis(50);

/// A folder held by this process until this is dropped, or until the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    file: File,
}

impl FolderLock {
    /// Takes hold of a folder that exists, waiting for at most `patience` for whoever has it.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] when another process holds it; what the file system says.
    pub fn take(folder: &Path, patience: Duration) -> Result<Self, LedgerError> {
        let path = folder.join(FILE);
        let begun = Instant::now();
        loop {
            let mut file = atomic::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
                .map_err(io_error("open", &path))?;
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0)
                        .and_then(|()| writeln!(file, "{}", std::process::id()))
                        .map_err(io_error("write", &path))?;
                    let lock = Self {
                        folder: folder.to_owned(),
                        file,
                    };
                    // The folder may have been cleared before the lock was taken.
                    if lock.is_held() {
                        return Ok(lock);
                    }
                }
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                    thread::sleep(TICK);
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // Who it is helps people; the lock tells that there is somebody.
                    let _ = file.take(64).read_to_string(&mut holder);
                    return Err(LedgerError::Busy {
                        path: folder.to_owned(),
                        holder: holder.trim().to_owned(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
            }
        }
    }

    /// Whether the folder is still this process's: its lock's file has not been removed or replaced.
    #[must_use]
    pub fn is_held(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let (own, there) = (
                self.file.metadata(),
                fs::symlink_metadata(self.folder.join(FILE)),
            );
            matches!((own, there), (Ok(own), Ok(there)) if (own.dev(), own.ino()) == (there.dev(), there.ino()))
        }
        #[cfg(not(unix))]
        {
            let _ = &self.file;
            fs::exists(self.folder.join(FILE)).unwrap_or(false)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    #[test]
    fn a_folder_is_held_by_one_and_lost_when_its_lock_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path(), AT_ONCE).unwrap();
        assert!(first.is_held());
        let refused = FolderLock::take(folder.path(), AT_ONCE).unwrap_err();
        let own = std::process::id().to_string();
        assert!(matches!(refused, LedgerError::Busy { holder, .. } if holder == own));
        fs::remove_file(folder.path().join(FILE)).unwrap();
        let second = FolderLock::take(folder.path(), AT_ONCE).unwrap();
        assert!(second.is_held() && !first.is_held());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_that_is_a_link_is_refused_and_its_target_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("precious");
        fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join(FILE)).unwrap();
        let refused = FolderLock::take(folder.path(), AT_ONCE).unwrap_err();
        assert!(refused.to_string().contains(FILE), "{refused}");
        assert_eq!(fs::read_to_string(target).unwrap(), "mine");
    }
}
