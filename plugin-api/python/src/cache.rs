//! What is remembered of an environment, so that listing its frameworks imports nothing.
//!
//! An entry lies in `$XDG_CACHE_HOME/ssl-lottery/python` (else `~/.cache/…`), under a digest of the interpreter and of
//! the variables that decide what it finds. It holds while every file that the frameworks came from has the bytes that
//! it had, and every folder of modules the installed packages that it had. An entry that cannot be read is made anew;
//! where nothing can be written, nothing is remembered.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ssl_plugin_api::description::Metadata;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Of what is written; another number makes all entries of before unreadable.
const VERSION: u32 = 1;
/// What decides which modules an interpreter finds.
const VARIABLES: [&str; 4] = [
    "SSL_LOTTERY_FRAMEWORKS",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONUSERBASE",
];
/// What installed packages leave in a folder of modules.
const INSTALLED: [&str; 5] = [".dist-info", ".egg-info", ".egg-link", ".pth", ".egg"];

/// What is remembered.
#[derive(Serialize, Deserialize)]
pub struct Entry {
    version: u32,
    /// Who they are, and where they were declared.
    pub frameworks: Vec<(Metadata, String)>,
    files: Vec<(PathBuf, String)>,
    folders: Vec<(PathBuf, String)>,
}

impl Entry {
    pub fn new(
        frameworks: Vec<(Metadata, String)>,
        files: Vec<PathBuf>,
        folders: &[PathBuf],
    ) -> Self {
        let with = |digest: fn(&Path) -> String| move |path: PathBuf| (path.clone(), digest(&path));
        Self {
            version: VERSION,
            frameworks,
            files: files.into_iter().map(with(file)).collect(),
            folders: folders.iter().cloned().map(with(folder)).collect(),
        }
    }

    fn holds(&self) -> bool {
        self.version == VERSION
            && self
                .files
                .iter()
                .all(|(path, digest)| file(path) == *digest)
            && self
                .folders
                .iter()
                .all(|(path, digest)| folder(path) == *digest)
    }
}

/// What an entry is found by.
pub fn key(python: &Path) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(python.as_os_str().as_bytes());
    if let Ok(about) = python.metadata() {
        add(format!("{} {} {}", about.len(), about.mtime(), about.mtime_nsec()).as_bytes());
    }
    for name in VARIABLES {
        add(std::env::var_os(name).unwrap_or_default().as_bytes());
    }
    if let Ok(folder) = std::env::current_dir() {
        add(folder.as_os_str().as_bytes());
    }
    hex(hash)
}

/// The entry, if there is one that holds.
pub fn read(key: &str) -> Option<Entry> {
    read_in(&place()?, key)
}

/// Remembers an entry, where that is possible.
pub fn write(key: &str, entry: &Entry) {
    if let Some(folder) = place() {
        // Without a cache everything works, more slowly.
        let _written = write_in(&folder, key, entry);
    }
}

fn place() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("ssl-lottery/python"))
}

fn read_in(folder: &Path, key: &str) -> Option<Entry> {
    let text = std::fs::read(folder.join(format!("{key}.json"))).ok()?;
    let entry: Entry = serde_json::from_slice(&text).ok()?;
    entry.holds().then_some(entry)
}

fn write_in(folder: &Path, key: &str, entry: &Entry) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let part = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&part, entry)?;
    part.persist(folder.join(format!("{key}.json")))?;
    Ok(())
}

/// Of a file's bytes; empty where there is none.
fn file(path: &Path) -> String {
    std::fs::read(path).map_or_else(
        |_| String::new(),
        |bytes| hex(Sha256::new_with_prefix(bytes)),
    )
}

/// Of the packages that are installed in a folder; the same for all folders without any.
fn folder(path: &Path) -> String {
    let mut found: Vec<String> = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| is_installed(&entry.file_name()))
        .map(|entry| {
            let changed = |path: PathBuf| {
                let about = path.metadata().ok()?;
                Some((about.len(), about.mtime(), about.mtime_nsec()))
            };
            let points = changed(entry.path().join("entry_points.txt"));
            format!("{:?} {points:?}", entry.file_name())
        })
        .collect();
    found.sort();
    hex(Sha256::new_with_prefix(found.join("\n")))
}

fn is_installed(name: &OsStr) -> bool {
    INSTALLED
        .iter()
        .any(|end| name.as_bytes().ends_with(end.as_bytes()))
}

fn hex(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    #[test]
    fn an_entry_holds_until_a_file_or_an_installed_package_changes() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("mine.py");
        let packages = folder.path().join("site-packages");
        std::fs::create_dir(&packages).unwrap();
        let fresh = |text: &str| {
            std::fs::write(&source, text).unwrap();
            let entry = Entry::new(
                Vec::new(),
                vec![source.clone()],
                std::slice::from_ref(&packages),
            );
            write_in(folder.path(), "key", &entry).unwrap();
        };
        let holds = || read_in(folder.path(), "key").is_some();
        fresh("1");
        assert!(holds());
        std::fs::write(packages.join("notes.txt"), "").unwrap();
        assert!(holds(), "an ordinary file installs nothing");
        std::fs::write(&source, "2").unwrap();
        assert!(!holds(), "the source changed");
        fresh("3");
        std::fs::create_dir(packages.join("other-1.0.dist-info")).unwrap();
        assert!(!holds(), "a package was installed");
        fresh("4");
        std::fs::write(packages.join("other-1.0.dist-info/entry_points.txt"), "x").unwrap();
        assert!(!holds(), "a package declares something else");
        fresh("5");
        std::fs::remove_file(&source).unwrap();
        assert!(!holds(), "the source is gone");
    }

    #[test]
    fn a_broken_entry_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let entry = Entry::new(Vec::new(), Vec::new(), &[]);
        write_in(folder.path(), "key", &entry).unwrap();
        assert!(read_in(folder.path(), "key").is_some());
        std::fs::write(folder.path().join("key.json"), "{\"version\":1,").unwrap();
        assert!(read_in(folder.path(), "key").is_none());
        assert!(read_in(folder.path(), "other").is_none());
    }
}
