//! Checksums of what is kept on disk and read again: a flipped bit must not become another score.
//!
//! A file carries the BLAKE3 digest of its own bytes in its header, as the value of [`KEY`]. The
//! digest is computed with 64 zeros in its own place, so it covers every other byte of the file.

use crate::atomic;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ssl_datasets::files::open_regular;
use std::io::{self, Read as _, Write};
use std::path::Path;

/// The key of the digest in JSON files and in the metadata of tensor files.
pub const KEY: &str = "blake3";
/// Stands for the digest while it is computed.
pub const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// How much of a file is read at a time.
const BLOCK: usize = 1 << 20;

/// Why the bytes of a file are not those that were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The digest in the header is that of other bytes.
    #[error("bytes that do not have the digest in its header: the file is damaged")]
    Changed,
    /// There is no digest.
    #[error("no digest in its header: the file is damaged, or an older version wrote it")]
    NoDigest,
}

/// A digest in the making: first the bytes behind the header in order, then the header.
#[derive(Clone, Debug, Default)]
pub struct Checksum(blake3::Hasher);

impl Checksum {
    /// Takes bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of the bytes taken in, for a file that does not carry it itself.
    #[must_use]
    pub fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }

    /// Writes the digest of all bytes over the first [`BLANK`] of the header, and gives it back.
    pub fn seal(mut self, header: &mut [u8]) -> String {
        self.0.update(header);
        let digest = self.finish();
        if let Some(at) = find(header, BLANK) {
            header[at..at + BLANK.len()].copy_from_slice(digest.as_bytes());
        }
        digest
    }

    /// Whether the bytes taken in and this header have the digest that stands in the header.
    #[must_use]
    pub fn fits(mut self, header: &[u8], digest: &str) -> bool {
        let Some(at) = find(header, digest).filter(|_| digest.len() == BLANK.len()) else {
            return false;
        };
        self.0.update(&header[..at]);
        self.0.update(BLANK.as_bytes());
        self.0.update(&header[at + BLANK.len()..]);
        self.finish() == digest
    }
}

fn find(bytes: &[u8], text: &str) -> Option<usize> {
    let mut windows = bytes.windows(text.len().max(1));
    windows.position(|window| window == text.as_bytes())
}

/// A JSON object as text, with its digest as the first key.
///
/// # Errors
/// A value that is no JSON object.
pub fn to_json<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Sealed<'a, T> {
        blake3: &'static str,
        #[serde(flatten)]
        value: &'a T,
    }
    let mut text = serde_json::to_vec_pretty(&Sealed {
        blake3: BLANK,
        value,
    })?;
    text.push(b'\n');
    Checksum::default().seal(&mut text);
    Ok(text)
}

/// Writes what [`to_json`] makes of a value; the file appears whole or not at all.
///
/// # Errors
/// Whatever the file system says; a value that is no JSON object.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let text = to_json(value).map_err(io::Error::other)?;
    atomic::write(path, &text)
}

/// A JSON object without its digest, and what is wrong with the digest.
///
/// # Errors
/// Text that is no JSON.
pub fn from_json(text: &[u8]) -> serde_json::Result<(Value, Option<Damage>)> {
    let mut value: Value = serde_json::from_slice(text)?;
    let digest = value.as_object_mut().and_then(|object| object.remove(KEY));
    let damage = match digest.as_ref().and_then(Value::as_str) {
        None => Some(Damage::NoDigest),
        Some(digest) => (!Checksum::default().fits(text, digest)).then_some(Damage::Changed),
    };
    Ok((value, damage))
}

/// What [`to_json`] wrote; anything else is refused.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] with the reason.
pub fn read_json<T: DeserializeOwned>(text: &[u8]) -> io::Result<T> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let (value, damage) = from_json(text).map_err(|error| invalid(error.to_string()))?;
    if let Some(damage) = damage {
        return Err(invalid(damage.to_string()));
    }
    serde_json::from_value(value).map_err(|error| invalid(error.to_string()))
}

/// The digest of a file whose digest is kept elsewhere.
///
/// # Errors
/// Whatever the file system says.
pub fn of_file(path: &Path) -> io::Result<String> {
    let mut file = open_regular(path)?;
    let mut checksum = Checksum::default();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(checksum.finish()),
            n => checksum.update(&block[..n]),
        }
    }
}

/// Passes bytes on to a writer and keeps their digest.
#[derive(Debug)]
pub struct Tee<W> {
    writer: W,
    checksum: Checksum,
}

impl<W> Tee<W> {
    /// Nothing written yet.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            checksum: Checksum::default(),
        }
    }

    /// The writer, and the digest of what was written to it.
    pub fn finish(self) -> (W, String) {
        (self.writer, self.checksum.finish())
    }
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.checksum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use serde_json::json;
    use std::fs::File;

    #[test]
    fn every_flipped_bit_of_a_json_file_is_detected() {
        let value = json!({"format": 2, "zeros": BLANK, "numbers": [0.1, 1e-300, 7]});
        let text = to_json(&value).unwrap();
        assert_eq!(read_json::<Value>(&text).unwrap(), value);
        for bit in 0..8 * text.len() {
            let mut damaged = text.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read_json::<Value>(&damaged).is_err(), "bit {bit}");
        }
        assert!(read_json::<Value>(value.to_string().as_bytes()).is_err());
    }

    #[test]
    fn checksum_depends_on_the_order_of_bytes() {
        let mut header = format!("{{\"{KEY}\":\"{BLANK}\"}}").into_bytes();
        let of = |parts: &[&[u8]]| {
            let mut checksum = Checksum::default();
            parts.iter().for_each(|part| checksum.update(part));
            checksum
        };
        let digest = of(&[b"ab", b"c"]).seal(&mut header);
        assert!(of(&[b"a", b"bc"]).fits(&header, &digest));
        assert!(!of(&[b"acb"]).fits(&header, &digest));
        assert!(!of(&[b"abc"]).fits(&header, &digest[1..]));
    }

    #[test]
    fn tee_writer_computes_the_digest_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut tee = Tee::new(File::create(&path).unwrap());
        tee.write_all(&[7; 3_000_000]).unwrap();
        assert_eq!(tee.finish().1, of_file(&path).unwrap());
    }
}
