//! The record that ends an installation, and the check against it.
//!
//! It is written last, so a directory without it was never finished. It names the wheels that the
//! files came from and every library with size and hash; headers are many and small, so they are
//! counted. The quick check compares sizes and counts, in milliseconds.

use std::fs;
use std::path::{Path, PathBuf};

use super::verify::sha256;
use super::wheels::Plan;
use crate::error::Error;
use crate::progress::Progress;

/// The record's file name.
const NAME: &str = "installed.txt";
/// The record's first line.
const FORMAT: &str = "ssl-lottery libtorch 1";

/// Why a directory is not a whole installation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// There is nothing.
    #[error("nothing is installed")]
    Absent,
    /// Unpacking did not come to its end.
    #[error("an earlier installation was not finished")]
    Unfinished,
    /// Other wheels than those pinned now.
    #[error("it was made from other wheels")]
    OtherWheels,
    /// A file is missing or differs.
    #[error("{0} is missing or damaged")]
    File(PathBuf),
}

/// How much to compare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Sizes and counts.
    Quick,
    /// Hashes of the libraries as well.
    Full,
}

/// Writes the record of what lies in `dir`.
///
/// # Errors
/// [`Error::Incomplete`] when a file of `plan.required` is missing, [`Error::Io`] otherwise.
pub fn write(plan: &Plan, dir: &Path) -> Result<(), Error> {
    if let Some(missing) = plan.required.iter().find(|name| !dir.join(name).exists()) {
        return Err(Error::Incomplete {
            missing: PathBuf::from(missing),
        });
    }
    let mut lines = heading(plan);
    for (name, size) in libraries(dir)? {
        let path = dir.join("lib").join(&name);
        let hash = sha256(&path, |_| ())?;
        lines.push(format!("lib {size} {hash} {name}"));
    }
    let (count, bytes) = headers(&dir.join("include"))?;
    lines.push(format!("include {count} {bytes}"));
    let path = dir.join(NAME);
    fs::write(&path, lines.join("\n") + "\n").map_err(Error::io("write", &path))
}

/// Compares `dir` with its record and with `plan`.
pub fn check(plan: &Plan, dir: &Path, depth: Depth) -> Result<(), Damage> {
    if !dir.exists() {
        return Err(Damage::Absent);
    }
    let record = fs::read_to_string(dir.join(NAME)).map_err(|_| Damage::Unfinished)?;
    let heading = heading(plan);
    let mut lines = record.lines();
    if !heading
        .iter()
        .all(|expected| lines.next() == Some(expected.as_str()))
    {
        return Err(Damage::OtherWheels);
    }
    if let Some(missing) = plan.required.iter().find(|name| !dir.join(name).exists()) {
        return Err(Damage::File(dir.join(missing)));
    }
    let mut ended = false;
    for line in lines {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["lib", size, hash, name] => {
                let path = dir.join("lib").join(name);
                let found = path.metadata().map(|data| data.len().to_string());
                if found.ok().as_deref() != Some(size) || !hash_matches(&path, hash, depth) {
                    return Err(Damage::File(path));
                }
            }
            ["include", count, bytes] => {
                let path = dir.join("include");
                let found = headers(&path).map(|(n, b)| (n.to_string(), b.to_string()));
                if found.ok() != Some((count.to_owned(), bytes.to_owned())) {
                    return Err(Damage::File(path));
                }
                ended = true;
            }
            ["wheel", ..] => return Err(Damage::OtherWheels),
            _ => return Err(Damage::File(dir.join(NAME))),
        }
    }
    if ended {
        Ok(())
    } else {
        Err(Damage::File(dir.join(NAME)))
    }
}

fn hash_matches(path: &Path, expected: &str, depth: Depth) -> bool {
    if depth == Depth::Quick {
        return true;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = path.metadata().map_or(0, |data| data.len());
    let mut progress = Progress::start(format!("checking {name}"), bytes);
    let found = sha256(path, |done| progress.set(done));
    progress.finish();
    found.is_ok_and(|found| found == expected)
}

/// The lines that name what an installation is made from.
fn heading(plan: &Plan) -> Vec<String> {
    let wheels = plan
        .wheels
        .iter()
        .map(|wheel| format!("wheel {} {}", wheel.sha256, wheel.file));
    std::iter::once(format!("{FORMAT} {}", plan.flavour.name()))
        .chain(wheels)
        .collect()
}

/// Names and sizes of the libraries, sorted; links are left out.
fn libraries(dir: &Path) -> Result<Vec<(String, u64)>, Error> {
    let dir = dir.join("lib");
    let mut found = Vec::new();
    for entry in fs::read_dir(&dir).map_err(Error::io("list", &dir))? {
        let entry = entry.map_err(Error::io("list", &dir))?;
        let data = entry.metadata().map_err(Error::io("read", &entry.path()))?;
        if data.is_file() {
            found.push((entry.file_name().to_string_lossy().into_owned(), data.len()));
        }
    }
    found.sort();
    Ok(found)
}

/// Number of files below `dir` and their bytes.
fn headers(dir: &Path) -> Result<(u64, u64), Error> {
    let (mut count, mut bytes) = (0, 0);
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let data = entry.metadata().map_err(Error::io("read", &entry.path()))?;
        let (n, b) = if data.is_dir() {
            headers(&entry.path())?
        } else {
            (1, data.len())
        };
        count += n;
        bytes += b;
    }
    Ok((count, bytes))
}
