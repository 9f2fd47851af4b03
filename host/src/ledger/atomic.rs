//! Files that are there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes `bytes` to a file beside `path`, flushes it to disk and renames it to `path`: a reader,
/// or a crash at any moment, sees the old content or the new, never a part.
///
/// # Errors
/// Whatever the file system refuses.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&part, path));
    if renamed.is_err() {
        // The first error is the one to tell; a part left behind is harmless.
        let _ = fs::remove_file(&part);
    }
    renamed?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

/// Makes the rename itself durable, where the platform lets a directory be opened.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
