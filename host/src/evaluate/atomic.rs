//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use super::{EvaluateError, Result};

/// Attaches the file and what was done with it to an I/O error.
pub(super) fn io(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> EvaluateError {
    let path = path.to_owned();
    move |source| EvaluateError::Io {
        action,
        path,
        source,
    }
}

/// Writes a file through a neighbour with the process id in its name, which is flushed to the disk
/// and then renamed. A writer that dies leaves the old file, or none, as it was.
pub(super) fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".partial-{}", std::process::id()));
    let partial = path.with_file_name(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io("create", folder))?;
    }
    let written = (|| {
        let file = File::create(&partial).map_err(io("create", &partial))?;
        let mut writer = BufWriter::new(file);
        fill(&mut writer)?;
        writer.flush().map_err(io("write", &partial))?;
        let file = writer.get_ref();
        file.sync_all().map_err(io("write", &partial))?;
        fs::rename(&partial, path).map_err(io("rename", &partial))
    })();
    if written.is_err() {
        // The first fault is the one to report; the leftover is only untidy.
        let _ = fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub").join("data.bin");
        write(&path, |w| w.write_all(b"old").map_err(io("write", &path))).unwrap();
        let fault = write(&path, |w| {
            w.write_all(b"new").map_err(io("write", &path))?;
            Err(EvaluateError::AllDiverged { heads: 1 })
        });
        assert!(fault.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
