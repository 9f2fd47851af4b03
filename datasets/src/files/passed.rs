//! What lies among the images and is not read.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Names that are given of each kind.
const NAMED: usize = 3;

/// Files and folders that are passed over, counted and named by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct PassedOver {
    kinds: BTreeMap<String, (usize, Vec<String>)>,
    /// Hidden folders, so that each counts once however much lies in it.
    folders: HashSet<String>,
}

/// Whether a file or folder of this name is hidden: by a dot, or because an archiver of macOS made it.
pub(super) fn hidden(name: &str) -> bool {
    name.starts_with('.') && name != ".." || name == "__MACOSX"
}

impl PassedOver {
    /// Counts one thing of a kind, such as `images beside the class folders`.
    pub fn add(&mut self, kind: &str, name: &str) {
        if !self.kinds.contains_key(kind) {
            self.kinds.insert(kind.to_owned(), Default::default());
        }
        if let Some((count, names)) = self.kinds.get_mut(kind) {
            *count += 1;
            // The first by name, so that a folder and its archive say the same.
            let at = names.partition_point(|n| n.as_str() <= name);
            if at < NAMED {
                names.insert(at, name.to_owned());
                names.truncate(NAMED);
            }
        }
    }

    /// Counts a path that is hidden or lies in something hidden; whether it is.
    pub fn add_hidden(&mut self, path: &str) -> bool {
        let mut end = 0;
        for part in path.split('/') {
            end += part.len();
            if hidden(part) {
                if self.folders.insert(path[..end].to_owned()) {
                    self.add("hidden", &path[..end]);
                }
                return true;
            }
            end += 1;
        }
        false
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (kind, (count, names))) in self.kinds.iter().enumerate() {
            let more = if names.len() < *count { ", …" } else { "" };
            let apart = if at > 0 { "; " } else { "" };
            write!(f, "{apart}{count} {kind} ({}{more})", names.join(", "))?;
        }
        Ok(())
    }
}

impl PassedOver {
    /// The list as text; none when nothing was passed over.
    pub fn text(&self) -> Option<String> {
        (!self.kinds.is_empty()).then(|| self.to_string())
    }
}
