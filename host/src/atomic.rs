//! Files that appear whole or not at all.
//!
//! A file is written under a temporary name in its own folder, flushed to the disk and renamed; then
//! the folder is flushed too. A reader, or a crash at any moment, finds the old content or the new.
//!
//! A temporary name holds the host's name and random letters, so that hosts that share a folder do
//! not meet. Its writer keeps it locked; the system releases the lock when the writer dies, and the
//! next writer in the folder on the same host removes the file.

use ssl_datasets::files::open_regular;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::NamedTempFile;

/// The end of every temporary name.
const SUFFIX: &str = ".part";
/// Random letters in a temporary name.
const LETTERS: usize = 10;
/// Bytes of the file's and the host's name that a temporary name repeats.
const REPEATED: usize = 64;

/// A file that gets its name when it is complete; until then, dropping it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    part: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins the file that is to be at `path`, in a folder that exists.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        sweep(folder(path));
        Ok(Self {
            part: private(path)?,
            path: path.to_owned(),
        })
    }

    /// Gives the file its name, once all of it is on the disk.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.part.as_file().sync_all()?;
        self.part.persist(&self.path)?;
        sync(folder(&self.path))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.part.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.part.seek(to)
    }
}

/// A file under a temporary name beside `path`, for a process that may publish it there; removed when it is
/// dropped, and swept when this process dies.
pub(crate) fn private(path: &Path) -> io::Result<NamedTempFile> {
    loop {
        let part = temporary(path)?;
        // A file system without locks refuses; its leftovers are then never removed.
        let _ = part.as_file().lock();
        // Another writer may have taken it for a leftover before it was locked.
        if part.path().exists() {
            return Ok(part);
        }
    }
}

/// Options to open a file of a results' folder itself: in a folder that others may write to, a link in
/// its place would lead the bytes elsewhere, and is refused. A pipe in its place is not waited for.
pub(crate) fn options() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    options
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = &name[..name.floor_char_boundary(REPEATED)];
    let prefix = format!(".{name}{}", marker());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX).rand_bytes(LETTERS);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As for every new file; the process's mask takes away from it.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder(path))
}

/// What the temporary names of this host have before their random letters.
fn marker() -> &'static str {
    static MARKER: OnceLock<String> = OnceLock::new();
    MARKER.get_or_init(|| {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
        let host: String = host.chars().filter(plain).take(REPEATED).collect();
        format!(".{host}.")
    })
}

/// Removes what writers of this host that died have left in a folder and in the folders in it.
pub(crate) fn sweep_below(folder: &Path) {
    sweep(folder);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // A link may lead anywhere.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(&entry.path());
        }
    }
}

/// Removes what writers of this host that died have left. A failure to do so does no harm.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if is_temporary(&entry.file_name().to_string_lossy())
            && let Ok(file) = open_regular(&entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether this is a temporary name of this host.
fn is_temporary(name: &str) -> bool {
    name.starts_with('.')
        && name.strip_suffix(SUFFIX).is_some_and(|rest| {
            let letters = rest.char_indices().nth_back(LETTERS - 1);
            letters.is_some_and(|(at, _)| rest[..at].ends_with(marker()))
        })
}

/// Makes a rename in the folder durable, where the platform lets a folder be opened.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn atomic_write_replaces_the_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn uncommitted_file_leaves_the_old_content_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(names(folder.path()).len(), 2);
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn leftovers_of_dead_writers_are_removed_and_files_of_living_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        // A file without its lock is what a killed process leaves.
        let dead = temporary(&path).unwrap().into_temp_path().keep().unwrap();
        let mut living = AtomicFile::create(&folder.path().join("b.json")).unwrap();
        assert!(!dead.exists());
        living.write_all(b"b").unwrap();
        // Those of other hosts, and other programs' files, are none of our business.
        let foreign = [
            ".a.json.other-host.abcdefghij.part",
            ".hidden.part",
            ".part",
        ];
        for name in foreign {
            fs::write(folder.path().join(name), "").unwrap();
        }
        write(&path, b"a").unwrap();
        living.commit().unwrap();
        let mut expected = vec!["a.json", "b.json"];
        expected.extend(foreign);
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn long_names_and_relative_paths_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let name = "🎟".repeat(60);
        write(&folder.path().join(&name), b"x").unwrap();
        assert_eq!(names(folder.path()), [name]);
        assert_eq!(super::folder(Path::new("a.json")), Path::new("."));
    }

    #[cfg(unix)]
    #[test]
    fn atomic_files_have_the_permissions_of_ordinary_new_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| {
            let about = fs::metadata(folder.path().join(name)).unwrap();
            about.permissions().mode()
        };
        fs::write(folder.path().join("ordinary"), "").unwrap();
        write(&folder.path().join("atomic"), b"").unwrap();
        assert_eq!(mode("atomic"), mode("ordinary"));
    }
}
