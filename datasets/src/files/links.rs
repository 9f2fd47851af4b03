//! Links inside an archive: what they lead to is read under their names.

use std::collections::BTreeMap;

use super::listing::{Place, normal};

/// Links that lead to links are followed this far, as Linux does.
const STEPS: usize = 40;
/// Times the size of the archive's own list that links to folders may add.
const GROWTH: usize = 4;

/// A link as the archive has it.
pub(super) struct Link {
    pub path: String,
    /// Path of the archive in the archive that it lies in; it may not lead out of there.
    pub within: String,
    pub target: String,
    /// Hard links are named from the archive's root, symbolic ones from their own folder.
    pub hard: bool,
}

impl Link {
    /// Path that the link leads to; none outside of the archive.
    fn end(&self) -> Option<String> {
        if !self.hard && self.target.starts_with('/') {
            return None;
        }
        let inner = self.path.strip_prefix(self.within.as_str())?;
        let folder = match inner.rsplit_once('/') {
            Some((folder, _)) if !self.hard => folder,
            _ => "",
        };
        Some(format!("{}{}", self.within, normal(folder, &self.target)?))
    }
}

/// Adds what the links lead to; those that lead nowhere become [`Place::Link`].
pub(super) fn resolve(links: Vec<Link>, places: &mut BTreeMap<String, Place>) {
    let most = GROWTH * places.len() + links.len();
    let mut open: Vec<(String, Option<String>)> = links
        .into_iter()
        .map(|link| (link.end(), link.path))
        .map(|(end, path)| (path, end))
        .collect();
    for _ in 0..STEPS {
        let before = open.len();
        open.retain(|(path, end)| {
            let Some(end) = end else { return true };
            match places.get(end).copied() {
                Some(place @ (Place::File | Place::Span(..))) => {
                    places.insert(path.clone(), place);
                    false
                }
                _ => !copy_folder(path, end, places, most),
            }
        });
        if open.len() == before {
            break;
        }
    }
    for (path, _) in open {
        places.entry(path).or_insert(Place::Link);
    }
}

/// Adds the files under `end` under `path` as well; whether there are any.
fn copy_folder(path: &str, end: &str, places: &mut BTreeMap<String, Place>, most: usize) -> bool {
    let below = match end {
        "" => String::new(),
        end => format!("{end}/"),
    };
    // A folder that holds the link itself would never end.
    if format!("{path}/").starts_with(&below) {
        return false;
    }
    let copies: Vec<(String, Place)> = places
        .range(below.clone()..)
        .take_while(|(name, _)| name.starts_with(&below))
        .map(|(name, place)| (format!("{path}/{}", &name[below.len()..]), *place))
        .collect();
    if copies.is_empty() || places.len() + copies.len() > most {
        return false;
    }
    places.insert(path.to_owned(), Place::Folder);
    places.extend(copies);
    true
}
