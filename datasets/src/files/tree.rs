//! The images under a folder or in an archive, by the folder they lie in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::index::Kept;
use super::tar;
use crate::DataError;
use crate::decode::is_image;
use crate::source::Context;

/// An image file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    /// Offset and length in the archive.
    pub span: Option<(u64, u64)>,
}

/// The images of a data set: in folders, and beside them.
#[derive(Debug)]
pub(crate) struct Tree {
    pub root: PathBuf,
    pub archive: bool,
    /// Images by folder, in order of name.
    pub folders: BTreeMap<String, Vec<Entry>>,
    /// Images at the top.
    pub loose: Vec<Entry>,
}

impl Tree {
    /// Lists a folder, or an archive when the path is a file. Hidden files and whatever is not an
    /// image by its name are passed over.
    pub fn list(context: &Context<'_>, root: &Path) -> Result<Self, DataError> {
        let mut tree = Self {
            root: root.to_owned(),
            archive: root.is_file(),
            folders: BTreeMap::new(),
            loose: Vec::new(),
        };
        if tree.archive {
            tree.list_archive(context)?;
        } else {
            tree.list_folder(context)?;
        }
        for entries in tree.folders.values_mut().chain([&mut tree.loose]) {
            entries.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(tree)
    }

    /// A folder whose files are listed elsewhere.
    pub fn unlisted(root: PathBuf) -> Self {
        Self {
            root,
            archive: false,
            folders: BTreeMap::new(),
            loose: Vec::new(),
        }
    }

    fn list_folder(&mut self, context: &Context<'_>) -> Result<(), DataError> {
        let root = self.root.clone();
        for (name, path) in visible(context, &root)? {
            if path.is_dir() {
                let entries = visible(context, &path)?
                    .filter(|(_, path)| is_image(path))
                    .map(|(name, _)| Entry { name, span: None })
                    .collect();
                self.folders.insert(name, entries);
            } else if is_image(&path) {
                self.loose.push(Entry { name, span: None });
            }
        }
        Ok(())
    }

    fn list_archive(&mut self, context: &Context<'_>) -> Result<(), DataError> {
        let kept = Kept::of(&self.root);
        let members = match kept.as_ref().and_then(Kept::load) {
            Some(members) => members,
            None => {
                let file = File::open(&self.root).map_err(|e| context.unreadable(&self.root, e))?;
                let members = tar::index(&mut BufReader::new(file))
                    .map_err(|e| context.malformed(&self.root, e.to_string()))?;
                if let Some(kept) = kept {
                    kept.store(&members);
                }
                members
            }
        };
        for member in members {
            let mut parts = member.name.rsplit('/');
            let name = parts.next().unwrap_or_default().to_owned();
            let folder = parts.next();
            if name.starts_with('.') || !is_image(Path::new(&name)) {
                continue;
            }
            let entry = Entry {
                name,
                span: Some((member.offset, member.length)),
            };
            match folder {
                Some(folder) => self
                    .folders
                    .entry(folder.to_owned())
                    .or_default()
                    .push(entry),
                None => self.loose.push(entry),
            }
        }
        Ok(())
    }
}

/// Names and paths of the entries of a folder that are not hidden.
fn visible(
    context: &Context<'_>,
    folder: &Path,
) -> Result<impl Iterator<Item = (String, PathBuf)>, DataError> {
    let listing = std::fs::read_dir(folder).map_err(|e| context.unreadable(folder, e))?;
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|e| context.unreadable(folder, e))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(context.malformed(&path, "expected a file name in UTF-8"));
        };
        if !name.starts_with('.') {
            found.push((name, path));
        }
    }
    Ok(found.into_iter())
}
