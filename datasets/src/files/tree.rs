//! The images under a folder or in an archive, by the class folder they lie in.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::index::Kept;
use super::listing::{Found, Place};
use super::passed::{PassedOver, hidden};
use super::{disk, open_regular, tar};
use crate::DataError;
use crate::decode::is_image;
use crate::source::Context;

/// An image file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Path below the class folder.
    pub name: String,
    /// Its bytes, where they are no UTF-8; `name` is lossy then.
    pub raw: Option<Vec<u8>>,
    /// Offset and length in the archive.
    pub span: Option<(u64, u64)>,
}

/// The images of a data set: in class folders at any depth, and beside them.
#[derive(Debug)]
pub(crate) struct Tree {
    pub root: PathBuf,
    pub archive: bool,
    /// Images by the folder at the top that they lie under, in order of name. Within it they are in
    /// order of folder and name, as torchvision's `ImageFolder` has them.
    pub folders: BTreeMap<String, Vec<Entry>>,
    /// Images at the top.
    pub loose: Vec<Entry>,
    /// What is neither.
    pub passed: PassedOver,
}

impl Tree {
    /// Lists a folder, or an archive when the path is a file, or a folder inside an archive
    /// (`set.tar/train`). Links are followed; an archive's may not lead out of it.
    pub fn list(context: &Context<'_>, root: &Path) -> Result<Self, DataError> {
        let archive = root.ancestors().find(|path| path.is_file());
        let mut tree = Self::unlisted(archive.unwrap_or(root).to_owned());
        tree.archive = archive.is_some();
        match archive {
            Some(archive) => {
                let inside = root.strip_prefix(archive).unwrap_or(Path::new(""));
                tree.list_archive(context, &inside.to_string_lossy())?;
            }
            None => disk::walk(context, root, &mut |found| tree.add(context, root, found))?,
        }
        for entries in tree.folders.values_mut().chain([&mut tree.loose]) {
            entries.sort_by(|a, b| parts(&a.name).cmp(&parts(&b.name)));
            if let Some(twice) = entries.windows(2).find(|w| w[0].name == w[1].name) {
                return Err(context.malformed(
                    root,
                    format!(
                        "expected file names in UTF-8, found two that read `{}`; rename them",
                        twice[0].name
                    ),
                ));
            }
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
            passed: PassedOver::default(),
        }
    }

    fn list_archive(&mut self, context: &Context<'_>, inside: &str) -> Result<(), DataError> {
        let kept = Kept::of(&self.root);
        let members = match kept.as_ref().and_then(Kept::load) {
            Some(members) => members,
            None => {
                let file =
                    open_regular(&self.root).map_err(|e| context.unreadable(&self.root, e))?;
                let members = tar::index(&mut BufReader::new(file))
                    .map_err(|e| context.malformed(&self.root, e.to_string()))?;
                if let Some(kept) = kept {
                    kept.store(&members);
                }
                members
            }
        };
        let around = around(&members);
        let within = |prefix: &str| -> Vec<Found> {
            let inner = |found: &Found| match found.path.strip_prefix(prefix)? {
                "" => None,
                rest => Some(Found::new(rest, found.place)),
            };
            members.iter().filter_map(inner).collect()
        };
        let mut chosen = within(&around);
        if !inside.is_empty() {
            chosen = within(&format!("{around}{inside}/"));
            if chosen.is_empty() {
                chosen = within(&format!("{inside}/"));
            }
            if chosen.is_empty() {
                return Err(context.malformed(
                    &self.root,
                    format!("expected a folder `{inside}` in the archive, found none"),
                ));
            }
        }
        let root = self.root.clone();
        chosen
            .into_iter()
            .try_for_each(|found| self.add(context, &root, found))
    }

    /// Sorts something found in, or among what is passed over.
    fn add(&mut self, context: &Context<'_>, root: &Path, found: Found) -> Result<(), DataError> {
        let Found { path, raw, place } = found;
        if self.passed.add_hidden(&path) {
            return Ok(());
        }
        let span = match place {
            Place::File => None,
            Place::Span(offset, length) => Some((offset, length)),
            Place::Folder => {
                if path.contains('/') {
                    return Ok(());
                }
                // It names a class, so it has to be text.
                if raw.is_some() {
                    return Err(context.malformed(
                        root,
                        format!(
                            "expected folder names in UTF-8, found `{path}`; rename the folder"
                        ),
                    ));
                }
                self.folders.entry(path).or_default();
                return Ok(());
            }
            Place::Link => {
                self.passed.add("links that lead to nothing here", &path);
                return Ok(());
            }
            Place::Special => {
                self.passed.add("neither files nor folders", &path);
                return Ok(());
            }
        };
        if !is_image(Path::new(&path)) {
            let ending = Path::new(&path).extension();
            let kind = ending.map_or("without ending".to_owned(), |e| {
                format!("`.{}`", e.to_string_lossy().to_lowercase())
            });
            self.passed.add(&kind, &path);
            return Ok(());
        }
        let Some((folder, name)) = path.split_once('/') else {
            let name = path;
            self.loose.push(Entry { name, raw, span });
            return Ok(());
        };
        let raw = raw.map(|raw| {
            let slash = raw.iter().position(|&b| b == b'/').map_or(0, |at| at + 1);
            raw[slash..].to_vec()
        });
        let name = name.to_owned();
        let entry = Entry { name, raw, span };
        match self.folders.get_mut(folder) {
            Some(entries) => entries.push(entry),
            None => drop(self.folders.insert(folder.to_owned(), vec![entry])),
        }
        Ok(())
    }
}

/// Folder and name.
fn parts(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The folders around everything in an archive that was made beside its folder (`set/cat/1.jpg`), with a
/// slash at the end; empty where it was made inside (`./cat/1.jpg`).
fn around(members: &[Found]) -> String {
    if members.first().is_some_and(|found| found.path.is_empty()) {
        return String::new();
    }
    let image = |found: &&Found| {
        matches!(found.place, Place::Span(..))
            && is_image(Path::new(&found.path))
            && !found.path.split('/').any(hidden)
    };
    let folders: BTreeSet<&str> = members
        .iter()
        .filter(image)
        .map(|found| parts(&found.path).0)
        .collect();
    let mut around = String::new();
    // One folder with several in it, or with one and nothing else, holds the class folders.
    loop {
        let below = |prefix: &str| -> (bool, BTreeSet<&str>) {
            let inner = folders.iter().filter_map(|folder| {
                let folder: &str = folder;
                match folder.strip_prefix(prefix) {
                    Some(rest) => rest.split('/').next(),
                    None => (folder == prefix.trim_end_matches('/')).then_some(""),
                }
            });
            let mut inner: BTreeSet<&str> = inner.collect();
            (inner.remove(""), inner)
        };
        let (images, tops) = below(&around);
        let Some(top) = tops.first().filter(|_| !images && tops.len() == 1) else {
            return around;
        };
        let next = format!("{around}{top}/");
        let (images, inner) = below(&next);
        if inner.is_empty() || (images && inner.len() == 1) {
            return around;
        }
        around = next;
    }
}
