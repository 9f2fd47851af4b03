//! A lease on a folder, for file systems whose locks may say nothing to other hosts (some NFS).
//!
//! The lock's file holds the lease: who has it, and a number that its holder raises every few seconds. Who
//! finds a lease of another host watches it. One that changes is alive; one that stays as it is for a whole
//! minute is of a process that died, and is taken. No clocks are compared, so they may differ or jump.

use super::holder::{Holder, system_text};
use crate::atomic;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Bytes of a lease's file, so that a longer text never shows behind a shorter one.
const LENGTH: usize = 1 << 9;

/// How fast leases beat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Time between two beats.
    beat: Duration,
    /// How long a lease is watched before it counts as dead.
    watch: Duration,
    /// How long a new lease has to stand before it counts, as two processes may write theirs at once.
    settle: Duration,
    /// Whether locks are not trusted on any file system.
    everywhere: bool,
}

impl Pace {
    pub(super) const USUAL: Self = Self {
        beat: Duration::from_secs(10),
        watch: Duration::from_secs(60),
        settle: Duration::from_secs(1),
        everywhere: false,
    };
    #[cfg(test)]
    pub(super) const QUICK: Self = Self {
        beat: Duration::from_millis(100),
        watch: Duration::from_secs(2),
        settle: Duration::from_millis(50),
        everywhere: true,
    };

    /// Whether locks of the file's system are seen by everybody who may see the file.
    pub(super) fn locks_are_honest(self, file: &File) -> bool {
        !self.everywhere && is_local(file)
    }
}

/// What a lease's file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    holder: Holder,
    /// Start of the system that the holder runs on: its locks are honest among its own processes.
    boot: String,
    beat: u64,
}

impl Entry {
    fn own() -> Self {
        Self {
            holder: Holder::current(),
            boot: system_text("/proc/sys/kernel/random/boot_id"),
            beat: 0,
        }
    }

    /// What is in the file; opened anew, so that a network's file system looks again.
    fn read(path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Writes it in place and in one piece: nobody may find the file empty, as one that was given up is.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec(self).map_err(io::Error::other)?;
        text.resize(text.len().max(LENGTH), b' ');
        let file = atomic::options().write(true).open(path)?;
        file.write_all_at(&text, 0)?;
        file.sync_data()
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.holder, &self.boot) == (&other.holder, &other.boot)
    }
}

/// A lease that this process holds, and its heartbeat.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    entry: Entry,
    stop: Option<Sender<()>>,
    beating: Option<JoinHandle<()>>,
}

/// Nobody of this process reads a lease while it is written.
static BEATING: Mutex<()> = Mutex::new(());

impl Lease {
    /// Takes the lease in a lock's file; `None` where somebody else has it. `locked` says whether the file is
    /// locked, so that a lease of this same system is of a process that died.
    pub(super) fn take(path: &Path, locked: bool, pace: Pace) -> io::Result<Option<Self>> {
        let entry = Entry::own();
        let found = Entry::read(path)?;
        if let Some(other) = Entry::parse(&found)
            && !(locked && other.boot == entry.boot)
            && changes(path, &found, pace.watch)?
        {
            return Ok(None);
        }
        entry.write(path)?;
        thread::sleep(pace.settle);
        let stands = Entry::parse(&Entry::read(path)?);
        if !stands.is_some_and(|stands| stands.is_of(&entry)) {
            return Ok(None);
        }
        let (stop, stopped) = channel();
        let beating = thread::spawn({
            let (path, mut entry) = (path.to_owned(), entry.clone());
            move || {
                while stopped.recv_timeout(pace.beat) == Err(RecvTimeoutError::Timeout) {
                    let _one = BEATING.lock();
                    if !is_held(&path, &entry) {
                        return;
                    }
                    entry.beat += 1;
                    // The next beat tries again; who watches is patient.
                    let _ = entry.write(&path);
                }
            }
        });
        Ok(Some(Self {
            path: path.to_owned(),
            entry,
            stop: Some(stop),
            beating: Some(beating),
        }))
    }

    /// Whether nobody has taken it.
    pub(super) fn is_held(&self) -> bool {
        let _one = BEATING.lock();
        is_held(&self.path, &self.entry)
    }
}

fn is_held(path: &Path, entry: &Entry) -> bool {
    let there = Entry::read(path)
        .ok()
        .and_then(|found| Entry::parse(&found));
    there.is_some_and(|there| there.is_of(entry))
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(beating) = self.beating.take() {
            // It writes nothing after this.
            let _ = beating.join();
        }
    }
}

/// Whether the file changes within the time, other than to nothing: whoever gives it up empties it.
fn changes(path: &Path, before: &[u8], time: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        thread::sleep(time / 20);
        let now = Entry::read(path)?;
        if now != before {
            return Ok(!now.is_empty());
        }
    }
    Ok(false)
}

/// Whether the file lies on a disk of this machine, where every process sees every lock.
#[cfg(target_os = "linux")]
fn is_local(file: &File) -> bool {
    #![expect(
        unsafe_code,
        reason = "only a system call tells the kind of a file system"
    )]
    use std::os::fd::AsRawFd as _;
    // ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS, F2FS, bcachefs.
    const LOCAL: [i64; 8] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0x0102_1994,
        0x794C_7630,
        0x2FC1_2FC1,
        0xF2F5_2010,
        0xCA45_1A4E,
    ];
    let mut about = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the descriptor is open, and the place for the answer lives through the call. The answer is
    // only looked at where the call succeeded, which fills it.
    let kind = unsafe {
        if libc::fstatfs(file.as_raw_fd(), about.as_mut_ptr()) != 0 {
            return false;
        }
        about.assume_init().f_type
    };
    LOCAL.contains(&kind)
}

/// Nobody tells; the lease guards.
#[cfg(not(target_os = "linux"))]
fn is_local(_file: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    #[test]
    fn a_lease_beats_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".lock");
        fs::write(&path, "").unwrap();
        let lease = Lease::take(&path, true, Pace::QUICK).unwrap().unwrap();
        let beat = || Entry::parse(&fs::read(&path).unwrap_or_default()).map(|it| it.beat);
        let begun = Instant::now();
        while beat() < Some(3) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", beat());
            thread::sleep(Duration::from_millis(5));
        }
        assert!(lease.is_held());
        drop(lease);
        let last = fs::read(&path).unwrap();
        // The lock shows that a process of this system has died; nobody else can tell.
        assert!(Lease::take(&path, true, Pace::QUICK).unwrap().is_some());
        assert_ne!(fs::read(&path).unwrap(), last);
    }

    #[test]
    fn files_of_this_machine_are_local() {
        let file = tempfile::tempfile().unwrap();
        assert!(is_local(&file));
        assert!(!is_local(&File::open("/proc/self/stat").unwrap()));
    }
}
