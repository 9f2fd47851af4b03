//! Puts one libtorch into the user's cache: at once or not at all, whoever else tries meanwhile.
//!
//! Everything is unpacked into a directory of its own, written through to the disk, recorded, and
//! renamed into place. A lock file keeps other processes waiting; what a killed one left behind is
//! cleared by the next.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::download::Pip;
use super::stamp::{self, Damage, Depth};
use super::unpack::unpack;
use super::wheels::{Flavour, Plan, VERSION};
use crate::error::Error;

/// The directories of one flavour below the cache.
struct Places {
    /// The finished libtorch.
    done: PathBuf,
    /// Where it is unpacked.
    partial: PathBuf,
    /// Where a damaged one is moved before it is deleted.
    discarded: PathBuf,
    /// Where wheels are kept until they are unpacked.
    wheels: PathBuf,
    /// The lock.
    lock: PathBuf,
}

impl Places {
    fn new(cache: &Path, flavour: Flavour) -> Self {
        let name = format!("libtorch-{VERSION}-{}", flavour.name());
        Self {
            partial: cache.join(format!(".{name}.partial")),
            discarded: cache.join(format!(".{name}.discarded")),
            wheels: cache.join(format!(".{name}.wheels")),
            lock: cache.join(format!(".{name}.lock")),
            done: cache.join(name),
        }
    }
}

/// Makes sure that the libtorch of `plan` is in `cache`, and returns where. `path` is the value of
/// `PATH`, searched for pip only when something has to be fetched.
pub fn install(plan: &Plan, cache: &Path, path: &OsStr, depth: Depth) -> Result<PathBuf, Error> {
    let places = Places::new(cache, plan.flavour);
    if stamp::check(plan, &places.done, Depth::Quick).is_ok() && depth == Depth::Quick {
        return Ok(places.done);
    }
    fs::create_dir_all(cache).map_err(Error::io("create", cache))?;
    let _lock = lock(&places.lock)?;
    // Another process may have installed it while this one waited.
    let damage = match stamp::check(plan, &places.done, depth) {
        Ok(()) => return Ok(places.done),
        Err(damage) => damage,
    };
    if damage != Damage::Absent {
        eprintln!("installing libtorch again: {damage}");
    }
    clear(&places.partial)?;
    clear(&places.discarded)?;
    require_space(plan, cache, &places.wheels)?;
    fs::create_dir_all(&places.wheels).map_err(Error::io("create", &places.wheels))?;
    fs::create_dir_all(places.partial.join("lib")).map_err(Error::io("create", &places.partial))?;

    let pip = Pip::find(path)?;
    for wheel in &plan.wheels {
        let archive = pip.fetch(wheel, &places.wheels)?;
        unpack(wheel, plan.flavour, &archive, &places.partial)?;
    }
    if plan.flavour == Flavour::Cpu {
        let link = places.partial.join("lib/libtorch.so");
        symlink("libtorch_cpu.so", &link).map_err(Error::io("link", &link))?;
    }
    let version = places.partial.join("build-version");
    fs::write(&version, VERSION).map_err(Error::io("write", &version))?;
    write_through(&places.partial)?;
    stamp::write(plan, &places.partial)?;
    write_through(&places.partial)?;
    if places.done.exists() {
        rename(&places.done, &places.discarded)?;
    }
    rename(&places.partial, &places.done)?;
    write_through(cache)?;
    clear(&places.discarded)?;
    clear(&places.wheels)?;
    Ok(places.done)
}

/// Waits until no other process installs this flavour. The lock ends with the file's last handle.
fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::io("create", path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => eprintln!("another setup is at work, waiting for it"),
        Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
    }
    file.lock().map_err(Error::io("lock", path))?;
    Ok(file)
}

/// Removes a directory if it is there.
fn clear(dir: &Path) -> Result<(), Error> {
    match dir.exists() {
        true => fs::remove_dir_all(dir).map_err(Error::io("remove", dir)),
        false => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io("rename", from))
}

/// Writes the file system that holds `dir` through to its disk: one call instead of one per header.
fn write_through(dir: &Path) -> Result<(), Error> {
    let handle = File::open(dir).map_err(Error::io("open", dir))?;
    rustix::fs::syncfs(&handle).map_err(|error| Error::io("write", dir)(error.into()))
}

/// Refuses to begin without room for the wheels, pip's copy of the largest, and what comes out.
fn require_space(plan: &Plan, cache: &Path, wheels: &Path) -> Result<(), Error> {
    let missing = plan
        .wheels
        .iter()
        .filter(|wheel| !wheels.join(wheel.file).exists());
    let sizes: Vec<u64> = missing.map(|wheel| wheel.bytes).collect();
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let needed = sizes.iter().sum::<u64>() + largest + plan.unpacked_bytes;
    let stat = rustix::fs::statvfs(cache).map_err(|e| Error::io("examine", cache)(e.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(Error::DiskSpace {
        path: cache.to_owned(),
        needed_mb: needed.div_ceil(1_000_000),
        free_mb: free / 1_000_000,
    })
}

#[cfg(test)]
mod tests;
