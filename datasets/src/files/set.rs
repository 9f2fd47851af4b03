//! The image files of a split in sample order.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::{Entry, Tree, open_regular};
use crate::DataError;
use crate::decode::decode_rows;
use crate::source::{Context, Scratch};

/// Image files, folder by folder.
pub(crate) struct FileSet {
    set: String,
    root: PathBuf,
    /// The archive, kept open.
    archive: Option<File>,
    folders: Vec<String>,
    /// First sample of each folder.
    starts: Vec<u32>,
    /// All file names one after the other, as bytes since they may be no UTF-8, and where each ends.
    names: Vec<u8>,
    ends: Vec<u32>,
    /// Offset and length of each in the archive.
    spans: Vec<(u64, u64)>,
}

impl FileSet {
    /// An empty set over the files of `tree`.
    pub fn new(context: &Context<'_>, tree: &Tree) -> Result<Self, DataError> {
        let archive = tree
            .archive
            .then(|| open_regular(&tree.root))
            .transpose()
            .map_err(|e| context.unreadable(&tree.root, e))?;
        Ok(Self {
            set: context.name.to_owned(),
            root: tree.root.clone(),
            archive,
            folders: Vec::new(),
            starts: Vec::new(),
            names: Vec::new(),
            ends: Vec::new(),
            spans: Vec::new(),
        })
    }

    /// Begins a folder; what is pushed next lies in it. The empty name stands for the top.
    pub fn folder(&mut self, name: &str) {
        self.folders.push(name.to_owned());
        self.starts.push(self.ends.len() as u32);
    }

    /// Adds a file.
    pub fn push(&mut self, entry: &Entry) {
        let name = entry.raw.as_deref().unwrap_or(entry.name.as_bytes());
        self.names.extend_from_slice(name);
        self.ends.push(self.names.len() as u32);
        self.spans.extend(entry.span);
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Folder and name of a file.
    fn parts(&self, index: usize) -> (&str, &[u8]) {
        let start = index.checked_sub(1).map_or(0, |i| self.ends[i] as usize);
        let folder = self.starts.partition_point(|&s| s as usize <= index) - 1;
        (
            &self.folders[folder],
            &self.names[start..self.ends[index] as usize],
        )
    }

    /// Path of a file inside the set.
    pub fn id(&self, index: usize) -> String {
        let (folder, name) = self.parts(index);
        match (folder, String::from_utf8_lossy(name)) {
            ("", name) => name.into_owned(),
            (folder, name) => format!("{folder}/{name}"),
        }
    }

    /// What the file system says of a file, or of the archive that it is in.
    pub fn metadata(&self, index: usize) -> Option<Metadata> {
        match &self.archive {
            Some(archive) => archive.metadata().ok(),
            None => {
                let (folder, name) = self.parts(index);
                let path = self.root.join(folder).join(OsStr::from_bytes(name));
                std::fs::metadata(path).ok()
            }
        }
    }

    /// Length of a file in bytes.
    pub fn length(&self, index: usize, scratch: &mut Scratch) -> Result<u64, DataError> {
        if self.archive.is_some() {
            return Ok(self.spans[index].1);
        }
        self.locate(index, scratch);
        std::fs::metadata(&scratch.path)
            .map(|about| about.len())
            .map_err(|source| self.unreadable(scratch, source))
    }

    /// Reads at most the first `most` bytes of a file into `scratch.bytes`.
    pub fn read(&self, index: usize, most: usize, scratch: &mut Scratch) -> Result<(), DataError> {
        self.locate(index, scratch);
        scratch.bytes.clear();
        match &self.archive {
            Some(archive) => {
                let (offset, length) = self.spans[index];
                scratch.bytes.resize(most.min(length as usize), 0);
                archive.read_exact_at(&mut scratch.bytes, offset)
            }
            None => open_regular(&scratch.path)
                .and_then(|file| file.take(most as u64).read_to_end(&mut scratch.bytes))
                .map(drop),
        }
        .map_err(|source| self.unreadable(scratch, source))
    }

    /// Writes a file's path into `scratch.path`. The buffers are used again: a path or a file of its own
    /// would be memory per image.
    fn locate(&self, index: usize, scratch: &mut Scratch) {
        let (folder, name) = self.parts(index);
        scratch.path.clear();
        scratch.path.push(&self.root);
        if !folder.is_empty() {
            scratch.path.push(folder);
        }
        scratch.path.push(OsStr::from_bytes(name));
    }

    fn unreadable(&self, scratch: &Scratch, source: std::io::Error) -> DataError {
        DataError::Read {
            set: self.set.clone(),
            path: scratch.path.clone(),
            source,
        }
    }

    /// Reads a file and decodes its rows `0 .. needed(width, height)` into `scratch.image`.
    pub fn decode(
        &self,
        index: usize,
        scratch: &mut Scratch,
        needed: &dyn Fn(usize, usize) -> usize,
    ) -> Result<(), DataError> {
        self.read(index, usize::MAX, scratch)?;
        let Scratch { bytes, image, path } = scratch;
        decode_rows(bytes, image, needed).map_err(|reason| DataError::BrokenImage {
            id: path.display().to_string(),
            reason,
        })
    }
}
