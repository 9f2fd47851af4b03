//! Locks on folders: a ledger is shared by runs, a cell belongs to one process.

use super::error::{LedgerError, io_error};
use super::holder::Holder;
use super::lease::{Lease, Pace};
use crate::atomic;
use ssl_datasets::files::open_regular;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Name of the lock's file.
const FILE: &str = ".lock";
/// The longest wait between two looks at a lock.
const TICK: Duration = Duration::from_millis(50);
/// Bytes of a lock's file that are read.
const READ: usize = 1 << 10;

/// A folder that is used together with other processes until this is dropped.
#[derive(Debug)]
pub struct SharedLock {
    _file: File,
}

impl SharedLock {
    /// Takes part in a folder that exists.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] when a process has it for itself, as versions before shared ledgers do; what the
    /// file system says.
    pub fn take(folder: &Path) -> Result<Self, LedgerError> {
        let (path, file) = open(folder)?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy(folder, &file)),
            Err(TryLockError::Error(error)) if has_no_locks(&error) => {}
            Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
        }
        Ok(Self { _file: file })
    }
}

/// A folder held by this process alone until this is dropped, or until the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    file: File,
    /// Guards as well where the file system's locks may say nothing to other hosts.
    lease: Option<Lease>,
}

impl FolderLock {
    /// Takes hold of a folder that exists, waiting for at most `patience` for whoever has it. Where a lease of
    /// another host is there, it is watched for a minute first.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] when another process holds it; what the file system says.
    pub fn take(folder: &Path, patience: Duration) -> Result<Self, LedgerError> {
        Self::take_at(folder, patience, Pace::USUAL)
    }

    fn take_at(folder: &Path, patience: Duration, pace: Pace) -> Result<Self, LedgerError> {
        let begun = Instant::now();
        loop {
            let (path, file) = open(folder)?;
            let locked = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                    thread::sleep(TICK);
                    continue;
                }
                Err(TryLockError::WouldBlock) => return Err(busy(folder, &file)),
                Err(TryLockError::Error(error)) if has_no_locks(&error) => false,
                Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
            };
            let lease = if locked && pace.locks_are_honest(&file) {
                write_holder(&file).map_err(io_error("write", &path))?;
                None
            } else {
                let taken = Lease::take(&path, locked, pace).map_err(io_error("write", &path))?;
                if taken.is_none() && begun.elapsed() < patience {
                    thread::sleep(TICK);
                    continue;
                }
                Some(taken.ok_or_else(|| busy(folder, &file))?)
            };
            let lock = Self {
                folder: folder.to_owned(),
                file,
                lease,
            };
            // The folder may have been cleared before the lock was taken.
            if lock.is_held() {
                return Ok(lock);
            }
        }
    }

    /// Who holds a folder, as far as can be seen at once; `None` where nobody does or there is no folder.
    #[must_use]
    pub fn holder(folder: &Path) -> Option<String> {
        let file = open_regular(&folder.join(FILE)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(said(&file)),
            _ => None,
        }
    }

    /// Whether the folder is still this process's: its lock's file has not been removed or replaced, and no
    /// other process has taken the lease.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let (own, there) = (
            self.file.metadata(),
            fs::symlink_metadata(self.folder.join(FILE)),
        );
        matches!((own, there), (Ok(own), Ok(there)) if (own.dev(), own.ino()) == (there.dev(), there.ino()))
            && self.lease.as_ref().is_none_or(Lease::is_held)
    }

    /// Removes everything in the folder but the lock itself.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear(&self) -> Result<(), LedgerError> {
        let clear = || -> io::Result<()> {
            for entry in fs::read_dir(&self.folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())?;
                } else if entry.file_name() != FILE {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        clear().map_err(io_error("clear", &self.folder))
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Whoever looks finds no holder, instead of one that is gone.
        if self.is_held() {
            drop(self.lease.take());
            let _ = self.file.set_len(0);
        }
    }
}

fn open(folder: &Path) -> Result<(PathBuf, File), LedgerError> {
    let path = folder.join(FILE);
    let file = atomic::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(io_error("open", &path))?;
    Ok((path, file))
}

/// Whether a file system refuses because it has no locks at all.
fn has_no_locks(error: &io::Error) -> bool {
    [libc::ENOLCK, libc::ENOSYS, libc::EOPNOTSUPP]
        .iter()
        .any(|code| error.raw_os_error() == Some(*code))
}

fn busy(folder: &Path, file: &File) -> LedgerError {
    LedgerError::Busy {
        path: folder.to_owned(),
        holder: said(file),
    }
}

/// Who the lock's file says holds it. That helps people; the lock tells that there is somebody.
fn said(file: &File) -> String {
    let mut bytes = [0; READ];
    let read = file.read_at(&mut bytes, 0).unwrap_or(0);
    match serde_json::from_slice::<Holder>(&bytes[..read]) {
        Ok(holder) => holder.to_string(),
        // Versions before shared ledgers wrote their number alone.
        Err(_) => match String::from_utf8_lossy(&bytes[..read]).trim() {
            number if number.parse::<u32>().is_ok() => format!("process {number}"),
            _ => "another process".to_owned(),
        },
    }
}

fn write_holder(file: &File) -> io::Result<()> {
    let text = serde_json::to_vec(&Holder::current()).map_err(io::Error::other)?;
    file.set_len(0)?;
    file.write_all_at(&text, 0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    const AT_ONCE: Duration = Duration::ZERO;

    #[test]
    fn a_folder_is_held_by_one_and_lost_when_its_lock_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path(), AT_ONCE).unwrap();
        assert!(first.is_held());
        let refused = FolderLock::take(folder.path(), AT_ONCE).unwrap_err();
        let own = Holder::current().to_string();
        assert!(matches!(&refused, LedgerError::Busy { holder, .. } if *holder == own));
        assert_eq!(FolderLock::holder(folder.path()), Some(own));
        fs::remove_file(folder.path().join(FILE)).unwrap();
        let second = FolderLock::take(folder.path(), AT_ONCE).unwrap();
        assert!(second.is_held() && !first.is_held());
        drop(first);
        assert!(second.is_held());
        drop(second);
        assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), b"");
    }

    #[test]
    fn a_shared_folder_has_many_users_and_no_owner() {
        let folder = tempfile::tempdir().unwrap();
        let users = [0, 1].map(|_| SharedLock::take(folder.path()).unwrap());
        let refused = FolderLock::take(folder.path(), AT_ONCE).unwrap_err();
        assert!(matches!(refused, LedgerError::Busy { .. }), "{refused}");
        drop(users);
        let _owner = FolderLock::take(folder.path(), Duration::from_secs(60)).unwrap();
        let refused = SharedLock::take(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("in use by process"));
    }

    #[test]
    fn a_lease_that_beats_guards_where_locks_are_silent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let pace = Pace::QUICK;
        let foreign = |beat: u64| {
            let text = format!(
                r#"{{"host":"elsewhere","pid":7,"job":"3","boot":"another","beat":{beat}}}"#
            );
            fs::write(&path, text).unwrap();
        };
        foreign(0);
        // Another host holds it and beats; its lock is not seen here.
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut beat = 1;
                while !done.load(Ordering::Relaxed) {
                    foreign(beat);
                    beat += 1;
                    thread::sleep(TICK);
                }
            });
            let refused = FolderLock::take_at(folder.path(), AT_ONCE, pace).unwrap_err();
            assert!(
                refused
                    .to_string()
                    .contains("process 7 on elsewhere (job 3)"),
                "{refused}"
            );
            done.store(true, Ordering::Relaxed);
        });
        // It is dead: nothing beats any more.
        let own = FolderLock::take_at(folder.path(), AT_ONCE, pace).unwrap();
        assert!(own.is_held());
        // It was only stopped, or this host was: who finds another's lease has lost the folder.
        foreign(99);
        assert!(!own.is_held());
        drop(own);
        assert!(fs::read_to_string(&path).unwrap().contains("elsewhere"));
    }

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

    #[test]
    fn clearing_a_held_folder_keeps_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("pretrain")).unwrap();
        fs::write(folder.path().join("pretrain/a"), "").unwrap();
        fs::write(folder.path().join("cell.json"), "").unwrap();
        let lock = FolderLock::take(folder.path(), AT_ONCE).unwrap();
        lock.clear().unwrap();
        assert!(lock.is_held());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
