//! The index of an archive, kept on disk: reading a header per image of a large archive takes
//! minutes, reading a list of them a second.
//!
//! It lies in `SSL_LOTTERY_CACHE`, by default in `ssl-lottery` under the user's cache folder, never
//! beside the data, and is valid as long as the archive has the same size and time of change. A
//! list that cannot be written or read is done without.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::listing::{Found, Place};

/// Members from which on an index is kept; fewer are listed in no time.
const WORTH: usize = 1000;

/// Where the index of one archive is kept.
pub(super) struct Kept {
    file: PathBuf,
    /// First line of a valid list.
    stamp: String,
}

impl Kept {
    /// The place for an archive's index; none where there is no cache folder.
    pub fn of(archive: &Path) -> Option<Self> {
        Self::within(&folder()?, archive)
    }

    fn within(folder: &Path, archive: &Path) -> Option<Self> {
        let archive = archive.canonicalize().ok()?;
        let about = fs::metadata(&archive).ok()?;
        let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let name = Sha256::digest(archive.as_os_str().as_encoded_bytes());
        let name: String = name.iter().take(16).map(|b| format!("{b:02x}")).collect();
        Some(Self {
            file: folder.join("archives").join(name),
            stamp: format!("tar-index 2 {} {}", about.len(), changed.as_nanos()),
        })
    }

    /// The list, if there is one of this very archive.
    pub fn load(&self) -> Option<Vec<Found>> {
        let text = fs::read_to_string(&self.file).ok()?;
        let (stamp, rest) = text.split_once('\n')?;
        // The last line says how many there are, or the list was cut short.
        let (lines, count) = rest.trim_end().rsplit_once('\n')?;
        if stamp != self.stamp {
            return None;
        }
        let members: Vec<Found> = lines.lines().map(member).collect::<Option<_>>()?;
        (count.parse() == Ok(members.len())).then_some(members)
    }

    /// Keeps a list; what goes wrong is of no consequence.
    pub fn store(&self, members: &[Found]) {
        if members.len() < WORTH || members.iter().any(|m| m.path.contains(['\n', '\r'])) {
            return;
        }
        let mut text = format!("{}\n", self.stamp);
        for member in members {
            let place = match member.place {
                Place::Span(offset, length) => format!("{offset} {length}"),
                Place::Folder => "folder -".to_owned(),
                Place::Link => "link -".to_owned(),
                Place::File | Place::Special => "special -".to_owned(),
            };
            text += &format!("{place} {}\n", member.path);
        }
        text += &format!("{}\n", members.len());
        let beside = self.file.with_extension(std::process::id().to_string());
        let written = self.file.parent().is_some_and(|folder| {
            fs::create_dir_all(folder).is_ok() && fs::write(&beside, text).is_ok()
        });
        if written && fs::rename(&beside, &self.file).is_err() {
            let _ = fs::remove_file(&beside);
        }
    }
}

fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    named("SSL_LOTTERY_CACHE").map(PathBuf::from).or_else(|| {
        let user = named("XDG_CACHE_HOME").map(PathBuf::from);
        let user = user.or_else(|| Some(PathBuf::from(named("HOME")?).join(".cache")))?;
        Some(user.join("ssl-lottery"))
    })
}

fn member(line: &str) -> Option<Found> {
    let (offset, rest) = line.split_once(' ')?;
    let (length, path) = rest.split_once(' ')?;
    let place = match offset {
        "folder" => Place::Folder,
        "link" => Place::Link,
        "special" => Place::Special,
        offset => Place::Span(offset.parse().ok()?, length.parse().ok()?),
    };
    Some(Found::new(path, place))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_kept_as_long_as_the_archive_stays_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.tar");
        fs::write(&archive, [1; 10]).unwrap();
        let places = [Place::Folder, Place::Link, Place::Special];
        let members: Vec<Found> = (0..1200)
            .map(|n| {
                let place = places.get(n as usize).copied();
                let place = place.unwrap_or(Place::Span(n * 1024, n));
                Found::new(format!("n01440764/with a blank {n}.JPEG"), place)
            })
            .collect();
        let kept = Kept::within(dir.path(), &archive).unwrap();
        assert_eq!(kept.load(), None);
        kept.store(&members[..20]);
        assert_eq!(kept.load(), None, "too few to be worth it");
        kept.store(&members);
        assert_eq!(kept.load().as_ref(), Some(&members));

        let text = fs::read_to_string(&kept.file).unwrap();
        fs::write(&kept.file, &text[..text.len() / 2]).unwrap();
        assert_eq!(kept.load(), None, "cut short");
        fs::write(&kept.file, &text).unwrap();
        fs::write(&archive, [1; 11]).unwrap();
        let changed = Kept::within(dir.path(), &archive).unwrap();
        assert_eq!(changed.file, kept.file);
        assert_eq!(changed.load(), None, "another archive under the same name");
    }
}
