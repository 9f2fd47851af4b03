//! Walks a folder on disk.

use std::fs::{self, DirEntry, FileType};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::listing::{Found, Place};
use super::passed::hidden;
use crate::DataError;
use crate::source::Context;

/// Reports everything below `root`, links followed; hidden folders are reported and not entered.
pub(super) fn walk(
    context: &Context<'_>,
    root: &Path,
    visit: &mut dyn FnMut(Found) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut walk = Walk {
        context,
        above: Vec::new(),
        visit,
    };
    walk.folder(root, &[])
}

struct Walk<'a> {
    context: &'a Context<'a>,
    /// Device and number of the folders above, to notice a link into one of them.
    above: Vec<(u64, u64)>,
    visit: &'a mut dyn FnMut(Found) -> Result<(), DataError>,
}

impl Walk<'_> {
    /// `below` is the folder's path below the root.
    fn folder(&mut self, folder: &Path, below: &[u8]) -> Result<(), DataError> {
        let unreadable = |e| self.context.unreadable(folder, e);
        let about = fs::metadata(folder).map_err(unreadable)?;
        self.above.push((about.dev(), about.ino()));
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(|e| self.context.unreadable(folder, e))?;
            let name = entry.file_name().into_vec();
            let mut path = below.to_vec();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend(&name);
            let place = self.place(&entry)?;
            let enter = place == Place::Folder && !hidden(&String::from_utf8_lossy(&name));
            (self.visit)(found(&path, place))?;
            if enter {
                self.folder(&entry.path(), &path)?;
            }
        }
        self.above.pop();
        Ok(())
    }

    fn place(&self, entry: &DirEntry) -> Result<Place, DataError> {
        let path: PathBuf = entry.path();
        let kind = entry
            .file_type()
            .map_err(|e| self.context.unreadable(&path, e))?;
        if !kind.is_symlink() {
            return Ok(plain(kind));
        }
        // A link whose end is not there is named among what is passed over.
        let Ok(about) = fs::metadata(&path) else {
            return Ok(Place::Link);
        };
        if about.is_dir() && self.above.contains(&(about.dev(), about.ino())) {
            return Ok(Place::Link);
        }
        Ok(plain(about.file_type()))
    }
}

fn plain(kind: FileType) -> Place {
    if kind.is_dir() {
        Place::Folder
    } else if kind.is_file() {
        Place::File
    } else {
        Place::Special
    }
}

fn found(path: &[u8], place: Place) -> Found {
    match std::str::from_utf8(path) {
        Ok(path) => Found::new(path, place),
        Err(_) => Found {
            path: String::from_utf8_lossy(path).into_owned(),
            raw: Some(path.to_vec()),
            place,
        },
    }
}
