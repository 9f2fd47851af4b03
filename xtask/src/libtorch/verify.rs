//! Hashes of files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::wheels::Wheel;
use crate::error::Error;
use crate::progress::Progress;

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// SHA-256 of a file, in lower-case hexadecimal; `seen` is told how many bytes were read so far.
pub fn sha256(path: &Path, mut seen: impl FnMut(u64)) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let count = file.read(&mut chunk).map_err(Error::io("read", path))?;
        if count == 0 {
            break;
        }
        hasher.update(&chunk[..count]);
        total += count as u64;
        seen(total);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Compares a downloaded wheel with its pin.
///
/// # Errors
/// [`Error::Hash`] when it is another file, or only part of it.
pub fn check_wheel(wheel: &Wheel, path: &Path) -> Result<(), Error> {
    let bytes = path.metadata().map_err(Error::io("read", path))?.len();
    let mut progress = Progress::start(format!("checking {}", wheel.requirement), bytes);
    let found = sha256(path, |done| progress.set(done))?;
    progress.finish();
    if found == wheel.sha256 {
        return Ok(());
    }
    Err(Error::Hash {
        file: wheel.file.to_owned(),
        expected: wheel.sha256.to_owned(),
        found,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn hash_of_a_known_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let mut seen = 0;
        // The example of FIPS 180-4.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&path, |done| seen = done).unwrap(), expected);
        assert_eq!(seen, 3);
    }
}
